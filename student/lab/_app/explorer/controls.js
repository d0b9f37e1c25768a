// What the user does with mouse, finger and keys.

const STEP = 0.1; // of an arrow key

class Controls {
  constructor(page) {
    this.page = page;
  }

  actions() {
    return {
      random: () => this.page.choose(drawFromPrior(this.page.data.latent)),
      interpolate: () => this.page.setInterpolating(!this.page.interpolating),
      observe: () => this.page.setObserving(!this.page.observing),
      center: () => this.page.choose(new Float64Array(this.page.data.latent)),
      clear: () => this.page.paper.clear(),
    };
  }

  listen() {
    const actions = this.actions();
    for (const button of this.page.root.querySelectorAll("[data-do]")) button.addEventListener("click", actions[button.dataset.do]);
    this.page.part("way").addEventListener("input", () => this.page.walk(Number(this.page.part("way").value)));
    for (const name of ["across", "up"]) {
      this.page.part(name).addEventListener("change", () => {
        this.page.map.showModel(this.page.model, Number(this.page.part("across").value), Number(this.page.part("up").value));
        this.page.show();
      });
    }
    this.listenToPointer(this.page.part("map"));
    this.page.part("map").addEventListener("keydown", (event) => this.onKey(event, actions));
  }

  /** The code at a pointer: the two dimensions of the map from there, the others as they are. */
  at(event) {
    const z = Float64Array.from(this.page.z);
    [z[this.page.map.across], z[this.page.map.up]] = this.page.map.toLatent(event);
    return z;
  }

  listenToPointer(canvas) {
    let pressed = false;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      pressed = true;
      canvas.setPointerCapture(event.pointerId);
      this.page.choose(this.at(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (pressed) return this.page.move(this.at(event), true);
      if (event.pointerType !== "mouse") return;
      this.page.looking = this.at(event);
      this.page.show();
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        pressed = false;
      });
    }
    canvas.addEventListener("pointerleave", () => {
      if (pressed || !this.page.looking) return;
      this.page.looking = null;
      this.page.show();
    });
  }

  onKey(event, actions) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { across, up } = this.page.map;
    const arrows = { ArrowLeft: [across, -1], ArrowRight: [across, 1], ArrowUp: [up, 1], ArrowDown: [up, -1] };
    const keys = { r: actions.random, i: actions.interpolate, 0: actions.center, Home: actions.center };
    if (this.page.data.observes) keys.p = actions.observe;
    if (this.page.interpolating) keys.Escape = actions.interpolate;
    if (arrows[event.key]) {
      const [axis, direction] = arrows[event.key];
      const z = Float64Array.from(this.page.shown);
      z[axis] += direction * STEP * (event.shiftKey ? 5 : 1);
      this.page.move(z);
    } else if (event.key === "Enter") this.page.choose(this.page.shown);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  }
}
