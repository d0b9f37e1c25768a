/** Paper of the data's size to draw on; what is drawn is moved to the middle, as the data are. */
class Paper {
  /** @param drawn called with what the encoder is to see, and whether the stroke has ended */
  constructor(canvas, page, drawn) {
    Object.assign(this, { canvas, page, drawn });
    this.radius = Math.max(page.width, page.height) / 24 + 0.25;
    this.pixels = new Float64Array(page.width * page.height);
    this.page.paint(canvas, this.pixels);
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = this.at(event);
      this.stroke(last, last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const next = this.at(event);
      this.stroke(last, next);
      last = next;
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        if (last) this.drawn(this.seen(), true);
        last = null;
      });
    }
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.page;
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  }

  stroke([fromX, fromY], [toX, toY]) {
    const { width, height } = this.page;
    const squared = (toX - fromX) ** 2 + (toY - fromY) ** 2;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const along = squared ? ((x + 0.5 - fromX) * (toX - fromX) + (y + 0.5 - fromY) * (toY - fromY)) / squared : 0;
        const way = Math.min(Math.max(along, 0), 1);
        const distance = Math.hypot(x + 0.5 - fromX - way * (toX - fromX), y + 0.5 - fromY - way * (toY - fromY));
        const ink = Math.min(Math.max(this.radius + 0.5 - distance, 0), 1);
        this.pixels[y * width + x] = Math.max(this.pixels[y * width + x], ink);
      }
    }
    this.page.paint(this.canvas, this.pixels);
    this.drawn(this.seen(), false);
  }

  /** The drawing moved so that its centre of mass is in the middle; black and white if the data are. */
  seen() {
    const { width, height } = this.page;
    let [mass, massX, massY] = [0, 0, 0];
    this.pixels.forEach((ink, index) => {
      mass += ink;
      massX += ink * ((index % width) + 0.5);
      massY += ink * (Math.floor(index / width) + 0.5);
    });
    const [byX, byY] = mass ? [Math.round(width / 2 - massX / mass), Math.round(height / 2 - massY / mass)] : [0, 0];
    return this.pixels.map((_, index) => {
      const x = (index % width) - byX;
      const y = Math.floor(index / width) - byY;
      const ink = x >= 0 && x < width && y >= 0 && y < height ? this.pixels[y * width + x] : 0;
      return this.page.data.binary ? Math.round(ink) : ink;
    });
  }

  clear() {
    this.pixels.fill(0);
    this.page.paint(this.canvas, this.pixels);
  }
}
