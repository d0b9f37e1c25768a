// The page: one code z, and everything that shows it or changes it.

const FRAMES = 9; // between A and B
const LARGEST = 280; // pixels of the page for the picture's longer side
const SLIDERS = 10; // shown at once; the dimensions that carry least are folded away
const REACH = 4; // of a slider, in standard deviations of the prior

/** A coordinate for people. */
const inWords = (value) => value.toFixed(2).replace("-", "−");

class Explorer {
  constructor(root, data, models) {
    Object.assign(this, { root, data, models });
    [this.height, this.width] = data.shape;
    this.z = new Float64Array(data.latent);
    this.looking = null; // a code that a mouse points at, until it leaves the map
    this.ends = [];
    this.interpolating = false;
    this.observing = false;
    this.source = null; // { pixels, index, posterior }: the image that was encoded
    this.thumbs = [];
    this.map = new LatentMap(this.part("map"), data.labels, () => this.colors());
  }

  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  button(name) {
    return this.root.querySelector(`[data-do="${name}"]`);
  }

  colors() {
    const style = getComputedStyle(this.root);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const classes = Array.from({ length: 10 }, (_, index) => color(`class-${index}`));
    const names = ["ink", "soft", "line", "accent", "paper", "panel"];
    return { ...Object.fromEntries(names.map((name) => [name, color(name)])), classes };
  }

  start() {
    this.makeModels();
    this.makeLegend();
    this.makeDigits();
    this.makeFrames();
    this.button("observe").hidden = !this.data.observes;
    new Controls(this).listen();
    this.showModel(0);
    new ResizeObserver(() => {
      this.map.resize();
      const most = Math.min(LARGEST, 0.64 * this.part("readout").parentElement.clientWidth);
      this.setSize(this.part("picture"), most);
      this.setSize(this.part("source"), most / 2);
      this.show();
    }).observe(this.part("map"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.map.drawCloud();
      this.makeLegend();
      this.show();
    });
    this.root.dataset.ready = "yes";
  }

  // What is shown

  get shown() {
    return this.looking || this.z;
  }

  /** Whether the code is still the one of a real image, which every model encodes in its own way. */
  get untouched() {
    return Boolean(this.source && this.source.posterior) && String(this.z) === String(this.source.posterior.mu);
  }

  /** Make a code the chosen one; while two points are being chosen, it is the next of them. */
  choose(z) {
    this.z = Float64Array.from(z);
    this.looking = null;
    if (this.interpolating) {
      this.ends = this.ends.length === 1 ? [this.ends[0], this.z] : [this.z];
      this.part("way").value = this.ends.length === 2 ? 1 : 0;
      this.drawFrames();
    }
    this.show();
  }

  /** Move the chosen code without choosing another end; one that is being dragged goes along. */
  move(z, dragged = false) {
    this.z = Float64Array.from(z);
    this.looking = null;
    if (dragged && this.interpolating) {
      this.ends[this.ends.length - 1] = this.z;
      this.drawFrames();
    }
    this.show();
  }

  show() {
    const z = this.shown;
    this.root.dataset.z = JSON.stringify(Array.from(z));
    const image = this.model.draw(z);
    this.paint(this.part("picture"), this.observing ? image.map((mean) => (Math.random() < mean ? 1 : 0)) : image);
    this.part("caption").textContent = this.observing ? "one draw from p(x | z)" : "the mean of p(x | z)";
    this.map.draw(z, this.ends, this.source && this.source.posterior);
    this.showReadout(z);
    this.sliders.forEach(({ axis, input, told }) => {
      input.value = z[axis];
      told.textContent = inWords(z[axis]);
    });
    const untouched = !this.looking && this.untouched;
    this.thumbs.forEach(({ canvas, model }) => {
      const own = untouched && this.posteriorOf(this.source, model);
      this.paint(canvas, model.draw(own ? own.mu : z));
    });
    this.part("original").hidden = !this.source;
    if (this.source) this.paint(this.part("source"), this.source.pixels);
  }

  showReadout(z) {
    const length = Math.hypot(...z);
    const numbers = z.length <= 4 ? `z = (${Array.from(z, (value) => inWords(value)).join(", ")}), ` : "";
    const share = 100 * shareOfPriorWithin(z);
    const told = share > 99.95 ? "over 99.9" : share.toFixed(1);
    this.part("readout").textContent = `${numbers}|z| = ${length.toFixed(2)}: ${told} % of the prior lies nearer to the centre`;
  }

  paint(canvas, image) {
    if (canvas.width !== this.width || canvas.height !== this.height) {
      Object.assign(canvas, { width: this.width, height: this.height });
      canvas.classList.add("pixels");
    }
    const pixels = new ImageData(this.width, this.height);
    image.forEach((value, index) => {
      pixels.data.fill(Math.round(255 * value), 4 * index, 4 * index + 3);
      pixels.data[4 * index + 3] = 255;
    });
    canvas.getContext("2d", { willReadFrequently: true }).putImageData(pixels, 0, 0); // small: no work for a GPU
  }

  /** Whole pixels of the page for each pixel of the image. */
  setSize(canvas, most) {
    const factor = Math.max(1, Math.floor(most / Math.max(this.width, this.height)));
    canvas.style.width = `${factor * this.width}px`;
    canvas.style.height = `${factor * this.height}px`;
  }

  // The models

  makeModels() {
    const place = this.part("models");
    place.hidden = this.models.length < 2;
    if (place.hidden) return;
    this.models.forEach((model, index) => {
      const canvas = document.createElement("canvas");
      this.setSize(canvas, 64);
      const button = this.makeButton(place, () => this.showModel(index), canvas, model.name);
      this.thumbs.push({ canvas, model, button });
    });
  }

  showModel(index) {
    const before = this.model;
    this.model = this.models[index];
    this.thumbs.forEach(({ button }, place) => button.setAttribute("aria-pressed", String(place === index)));
    this.part("fact").hidden = !this.model.fact;
    this.part("fact").textContent = this.model.fact;
    this.part("own").hidden = !this.model.canEncode;
    const [first, second] = before ? [this.map.across, this.map.up] : this.model.order;
    this.makeAxes(first, second);
    this.makeSliders();
    this.map.showModel(this.model, first, second);
    // A real image is encoded anew; any other code stays, so that the models can be compared at it.
    if (this.source) {
      const posterior = this.posteriorOf(this.source);
      if (this.untouched && posterior) this.z = Float64Array.from(posterior.mu);
      this.source = { ...this.source, posterior };
    }
    this.drawFrames();
    this.show();
  }

  makeAxes(first, second) {
    this.part("axes").hidden = this.data.latent < 3;
    for (const [name, chosen] of [["across", first], ["up", second]]) {
      const options = this.model.order.map((axis) => {
        const option = new Option(`z${axis + 1} (${this.model.kl[axis]} nats)`, axis);
        option.selected = axis === chosen;
        return option;
      });
      this.part(name).replaceChildren(...options);
    }
  }

  makeSliders() {
    const place = this.part("sliders");
    this.sliders = this.model.order.map((axis) => {
      const label = document.createElement("label");
      const name = document.createElement("b");
      const told = document.createElement("span");
      const input = Object.assign(document.createElement("input"), { type: "range", min: -REACH, max: REACH, step: 0.01 });
      name.textContent = `z${axis + 1}`;
      input.addEventListener("input", () => {
        const z = Float64Array.from(this.z);
        z[axis] = Number(input.value);
        this.move(z);
      });
      label.append(name, ` ${this.model.kl[axis]} nats, at `, told, input);
      return { axis, input, told, label };
    });
    place.replaceChildren(...this.sliders.slice(0, SLIDERS).map(({ label }) => label));
    if (this.sliders.length > SLIDERS) {
      const more = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = `${this.sliders.length - SLIDERS} more, which carry less`;
      more.append(summary, ...this.sliders.slice(SLIDERS).map(({ label }) => label));
      place.append(more);
    }
  }

  makeLegend() {
    const colors = this.colors().classes;
    this.part("legend").replaceChildren(
      ...this.data.classes.map((name, index) => {
        const entry = document.createElement("span");
        const dot = document.createElement("i");
        dot.style.background = colors[index % colors.length];
        entry.append(dot, name);
        return entry;
      }),
    );
  }

  // Two points and the way between them

  makeFrames() {
    this.frames = Array.from({ length: FRAMES }, (_, index) => {
      const canvas = document.createElement("canvas");
      const button = this.makeButton(this.part("frames"), () => this.walk(index / (FRAMES - 1)), canvas);
      button.setAttribute("aria-label", `step ${index + 1} of ${FRAMES} from A to B`);
      return canvas;
    });
  }

  between(way) {
    const [from, to] = this.ends;
    return from.map((value, axis) => value + way * (to[axis] - value));
  }

  walk(way) {
    if (this.ends.length < 2) return;
    this.part("way").value = way;
    this.move(this.between(way));
  }

  drawFrames() {
    const complete = this.ends.length === 2;
    this.part("strip").hidden = !this.interpolating;
    this.part("frames").hidden = this.part("way").hidden = !complete;
    if (complete) this.frames.forEach((canvas, index) => this.paint(canvas, this.model.draw(this.between(index / (FRAMES - 1)))));
    this.part("hint").textContent = ["Choose A: a point of the map, a real image, or R.", "Now choose B.", "From A to B. The next point begins anew."][
      this.ends.length
    ];
  }

  setInterpolating(on) {
    this.interpolating = on;
    this.ends = [];
    this.button("interpolate").setAttribute("aria-pressed", String(on));
    this.drawFrames();
    this.show();
  }

  setObserving(on) {
    this.observing = on;
    this.button("observe").setAttribute("aria-pressed", String(on));
    this.show();
  }

  // Real images

  makeDigits() {
    this.data.digits.forEach((pixels, index) => {
      const canvas = document.createElement("canvas");
      this.setSize(canvas, 44);
      this.paint(canvas, pixels);
      const name = this.data.classes[this.data.labels[index]];
      const button = this.makeButton(this.part("digits"), () => this.encode({ pixels, index }, `a test image (${name})`), canvas);
      button.setAttribute("aria-label", `encode test image ${index + 1}: ${name}`);
    });
    this.setSize(this.part("paper"), 168);
    const drawn = (pixels, whole) => this.encode({ pixels, index: null }, "what the encoder sees", whole);
    this.paper = new Paper(this.part("paper"), this, drawn);
  }

  posteriorOf({ pixels, index }, model = this.model) {
    if (index !== null) return { mu: model.code(index), sigma: model.sigma(index) };
    return model.canEncode ? model.encode(pixels) : null;
  }

  encode(image, origin, whole = true) {
    this.part("origin").textContent = origin;
    this.source = { ...image, posterior: this.posteriorOf(image) };
    const { mu } = this.source.posterior;
    if (whole) this.choose(mu);
    else this.move(mu);
  }

  // What the user does

  makeButton(place, act, ...content) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(...content);
    button.addEventListener("click", act);
    place.append(button);
    return button;
  }
}

async function start() {
  const root = document.getElementById("explorer");
  if (!("DecompressionStream" in window)) {
    root.querySelector('[data-part="fact"]').hidden = false;
    root.querySelector('[data-part="fact"]').textContent = "This browser is too old to unpack the networks: take one of 2023 or later.";
    return;
  }
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const models = await Promise.all(data.models.map((model) => unpackModel(model, data.shape)));
  const bytes = await unpackBytes(data.digits);
  const size = data.shape[0] * data.shape[1];
  const digits = Array.from({ length: bytes.length / size }, (_, index) =>
    Float64Array.from(bytes.subarray(index * size, (index + 1) * size), (value) => value / 255),
  );
  new Explorer(root, { ...data, digits }, models).start();
}

start();
