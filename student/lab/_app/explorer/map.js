// The map: two latent dimensions seen from above, with the prior's circles and the posterior means of the test set.

const CIRCLES = [1, 2, 3]; // standard deviations of the prior
const FARTHEST = 40; // what lies farther out is counted, not shown

class LatentMap {
  /**
   * @param canvas where to draw; its size on the page is set by the style
   * @param labels class of each test example
   * @param look gives the colours of the page: { ink, soft, line, accent, paper, panel, classes }
   */
  constructor(canvas, labels, look) {
    Object.assign(this, { canvas, labels, look, extent: 3.5, across: 0, up: 1 });
    this.cloud = document.createElement("canvas");
  }

  /** Show a model's codes in two of its dimensions. */
  showModel(model, across, up) {
    Object.assign(this, { model, across, up });
    const farthest = [];
    for (let index = 0; index < model.count; index++) {
      const code = model.code(index);
      farthest.push(Math.max(Math.abs(code[across]), Math.abs(code[up])));
    }
    farthest.sort((a, b) => a - b);
    const most = farthest[Math.floor(0.995 * (farthest.length - 1))];
    this.extent = Math.min(Math.max(3.5, 1.08 * most), FARTHEST);
    this.outside = farthest.filter((distance) => distance > this.extent).length;
    this.drawCloud();
  }

  /** Take the size that the page gives, in the screen's own pixels. */
  resize() {
    const side = Math.round(this.canvas.clientWidth * (window.devicePixelRatio || 1));
    if (!side || side === this.canvas.width) return;
    for (const canvas of [this.canvas, this.cloud]) canvas.width = canvas.height = side;
    this.drawCloud();
  }

  get unit() {
    return this.canvas.width / (2 * this.extent);
  }

  toScreen(code) {
    const half = this.canvas.width / 2;
    return [half + code[this.across] * this.unit, half - code[this.up] * this.unit];
  }

  /** The two coordinates under a pointer, kept on the map. */
  toLatent(event) {
    const box = this.canvas.getBoundingClientRect();
    const keep = (value) => Math.min(Math.max(value, -this.extent), this.extent);
    return [
      keep(((event.clientX - box.left) / box.width - 0.5) * 2 * this.extent),
      keep((0.5 - (event.clientY - box.top) / box.height) * 2 * this.extent),
    ];
  }

  drawCloud() {
    if (!this.model) return;
    const pen = this.cloud.getContext("2d");
    const { width } = this.cloud;
    const scale = window.devicePixelRatio || 1;
    const colors = this.look();
    pen.clearRect(0, 0, width, width);
    this.drawPrior(pen, colors, scale);
    const radius = (this.model.count > 1000 ? 1.7 : 2.6) * scale;
    pen.globalAlpha = 0.75;
    for (let index = 0; index < this.model.count; index++) {
      const [x, y] = this.toScreen(this.model.code(index));
      pen.fillStyle = colors.classes[this.labels[index] % colors.classes.length];
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
    this.write(pen, colors, scale);
  }

  drawPrior(pen, colors, scale) {
    const half = this.cloud.width / 2;
    pen.strokeStyle = colors.line;
    pen.lineWidth = scale;
    pen.beginPath();
    pen.moveTo(half, 0);
    pen.lineTo(half, 2 * half);
    pen.moveTo(0, half);
    pen.lineTo(2 * half, half);
    pen.stroke();
    pen.strokeStyle = colors.soft;
    for (const radius of CIRCLES) {
      pen.beginPath();
      pen.arc(half, half, radius * this.unit, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  write(pen, colors, scale) {
    const half = this.cloud.width / 2;
    pen.font = `${12 * scale}px system-ui, sans-serif`;
    const tell = (text, x, y, align) => {
      pen.textAlign = align;
      this.outline(pen, colors, text, x, y, 3 * scale);
    };
    if (this.unit > 14 * scale) {
      for (const radius of CIRCLES) tell(`${radius}σ`, half, half - radius * this.unit - 4 * scale, "center");
    } else tell("the prior, 1σ to 3σ", half, half - 3 * this.unit - 6 * scale, "center");
    tell(`z${this.across + 1} →`, 2 * half - 6 * scale, half - 6 * scale, "right");
    tell(`↑ z${this.up + 1}`, half + 14 * scale, 15 * scale, "left");
    if (this.outside) tell(`${this.outside} of ${this.model.count} lie outside`, 8 * scale, 2 * half - 8 * scale, "left");
  }

  /** Text that can be read over points. */
  outline(pen, colors, text, x, y, thickness) {
    Object.assign(pen, { lineWidth: thickness, lineJoin: "round", strokeStyle: colors.panel, fillStyle: colors.ink });
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }

  /**
   * Draw everything.
   * @param z the code to mark
   * @param ends none, one or two codes, joined by a line
   * @param posterior { mu, sigma } to show as ellipses of one and two standard deviations, or nothing
   */
  draw(z, ends, posterior) {
    const pen = this.canvas.getContext("2d");
    const { width } = this.canvas;
    const scale = window.devicePixelRatio || 1;
    const colors = this.look();
    pen.clearRect(0, 0, width, width);
    pen.drawImage(this.cloud, 0, 0);
    pen.lineWidth = 2 * scale;
    pen.strokeStyle = colors.ink;
    if (posterior) {
      const [x, y] = this.toScreen(posterior.mu);
      for (const deviations of [1, 2]) {
        const [wide, high] = [this.across, this.up].map((axis) => posterior.sigma[axis] * deviations * this.unit);
        pen.beginPath();
        pen.ellipse(x, y, Math.min(wide, 4 * width), Math.min(high, 4 * width), 0, 0, 2 * Math.PI);
        pen.stroke();
      }
    }
    if (ends.length === 2) {
      pen.beginPath();
      pen.moveTo(...this.toScreen(ends[0]));
      pen.lineTo(...this.toScreen(ends[1]));
      pen.stroke();
    }
    pen.font = `bold ${14 * scale}px system-ui, sans-serif`;
    pen.textAlign = "left";
    ends.forEach((end, index) => {
      const [x, y] = this.toScreen(end);
      pen.fillStyle = colors.ink;
      pen.beginPath();
      pen.arc(x, y, 4 * scale, 0, 2 * Math.PI);
      pen.fill();
      this.outline(pen, colors, "AB"[index], x + 7 * scale, y - 7 * scale, 4 * scale);
    });
    const [x, y] = this.toScreen(z);
    for (const [style, thickness] of [[colors.paper, 5], [colors.accent, 2.5]]) {
      pen.strokeStyle = style;
      pen.lineWidth = thickness * scale;
      pen.beginPath();
      pen.arc(x, y, 8 * scale, 0, 2 * Math.PI);
      pen.stroke();
    }
  }
}
