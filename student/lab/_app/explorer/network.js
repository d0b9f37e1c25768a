// The networks of the page: unpacked from text, and run. A layer is "relu", "tanh", "sigmoid", or a linear one.

const ACTIVATIONS = {
  relu: (value) => Math.max(value, 0),
  tanh: Math.tanh,
  sigmoid: (value) => 1 / (1 + Math.exp(-value)),
};

/** The bytes of a packed text: base64 around zlib. */
async function unpackBytes(text) {
  const zipped = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A matrix of rows x columns, each column a whole number times its scale; stored as all high bytes, then all low ones. */
async function unpackMatrix(packed) {
  const bytes = await unpackBytes(packed.values);
  const count = packed.rows * packed.columns;
  const values = new Int16Array(count);
  for (let index = 0; index < count; index++) values[index] = (bytes[index] << 8) | bytes[count + index];
  return { rows: packed.rows, columns: packed.columns, scale: Float32Array.from(packed.scale), values };
}

async function unpackLayers(layers) {
  return Promise.all(
    layers.map(async (layer) =>
      typeof layer === "string" ? layer : { weight: await unpackMatrix(layer.weight), bias: Float32Array.from(layer.bias) },
    ),
  );
}

function linear({ weight, bias }, input) {
  const { rows, columns, scale, values } = weight;
  const scaled = input.map((value, column) => value * scale[column]);
  const output = new Float64Array(rows);
  for (let row = 0, place = 0; row < rows; row++) {
    let sum = bias[row];
    for (let column = 0; column < columns; column++) sum += scaled[column] * values[place++];
    output[row] = sum;
  }
  return output;
}

/** Send a vector through layers. */
function forward(layers, input) {
  let values = Float64Array.from(input);
  for (const layer of layers) values = typeof layer === "string" ? values.map(ACTIVATIONS[layer]) : linear(layer, values);
  return values;
}

/** A model of the page, ready to use. */
async function unpackModel(model, shape) {
  const codes = await unpackMatrix(model.codes);
  const sigmas = model.sigmas && (await unpackMatrix(model.sigmas));
  const decoder = await unpackLayers(model.decoder);
  const encoder = model.encoder && {
    mu: await unpackLayers(model.encoder.mu),
    logvar: await unpackLayers(model.encoder.logvar),
    trunk: await unpackLayers(model.encoder.trunk),
  };
  const row = (matrix, index) =>
    Float64Array.from(matrix.scale, (scale, column) => scale * matrix.values[index * matrix.columns + column]);
  return {
    ...model,
    shape,
    canEncode: Boolean(encoder),
    count: codes.rows,
    /** The posterior mean of a test example. */
    code: (index) => row(codes, index),
    /** The posterior standard deviation of one of the examples that are in the page, or nothing. */
    sigma: (index) => sigmas && row(sigmas, index),
    /** The mean of p(x | z), each pixel in [0, 1]. */
    draw(z) {
      const output = forward(decoder, z);
      return model.logits ? output.map(ACTIVATIONS.sigmoid) : output.map((value) => Math.min(Math.max(value, 0), 1));
    },
    /** Mean and standard deviation of q(z | x). */
    encode(x) {
      const features = forward(encoder.trunk, x);
      return { mu: forward(encoder.mu, features), sigma: forward(encoder.logvar, features).map((value) => Math.exp(value / 2)) };
    },
  };
}

/** A code drawn from the prior N(0, I) (Box and Muller 1958). */
function drawFromPrior(size) {
  return Float64Array.from({ length: size }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    return radius * Math.cos(2 * Math.PI * Math.random());
  });
}

/** The share of the prior that lies nearer to the centre: chi-squared with one degree of freedom for each dimension. */
function shareOfPriorWithin(z) {
  const half = z.reduce((sum, value) => sum + value * value, 0) / 2;
  if (half > 700) return 1; // exp(-half) is 0
  const shape = z.length / 2;
  // The series of the lower incomplete gamma function, over gamma(shape + 1), whose argument is n or n + 1/2.
  let logGamma = z.length % 2 ? Math.log(Math.PI) / 2 : 0;
  for (let factor = z.length % 2 ? 0.5 : 1; factor <= shape; factor++) logGamma += Math.log(factor);
  let term = Math.exp(shape * Math.log(half) - half - logGamma);
  let sum = 0;
  for (let next = shape + 1; term > 1e-9 || next < half; next++) {
    sum += term;
    term *= half / next;
  }
  return Math.min(sum, 1);
}
