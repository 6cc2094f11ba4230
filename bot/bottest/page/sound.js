// The bell: a short chime for messages that are meant to be heard, and a picture of whether they are.
import { icon } from "./element.js";

export class Bell {
  constructor(button) {
    this.button = button;
    this.on = localStorage.getItem("bell") !== "off";
    button.addEventListener("click", () => {
      this.on = !this.on;
      localStorage.setItem("bell", this.on ? "on" : "off");
      this.draw();
      if (this.on) this.ring();
    });
    this.draw();
  }

  draw() {
    this.button.replaceChildren(icon(this.on ? "bell" : "muted"));
    this.button.ariaPressed = String(this.on);
    this.button.title = this.on ? "Sound is on" : "Sound is off";
    this.button.ariaLabel = this.button.title;
  }

  // ring chimes and shakes the bell. Browsers stay silent until the person has clicked somewhere; the picture moves all the same.
  ring() {
    this.button.classList.remove("ringing");
    void this.button.offsetWidth; // starts the animation again
    this.button.classList.add("ringing");
    if (!this.on || !navigator.userActivation?.hasBeenActive) return;
    this.audio ??= new AudioContext();
    const start = this.audio.currentTime;
    for (const [delay, pitch] of [[0, 880], [0.09, 1318.5]]) {
      const tone = this.audio.createOscillator(), volume = this.audio.createGain();
      tone.type = "sine";
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0, start + delay);
      volume.gain.linearRampToValueAtTime(0.12, start + delay + 0.01);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + delay + 0.35);
      tone.connect(volume).connect(this.audio.destination);
      tone.start(start + delay);
      tone.stop(start + delay + 0.4);
    }
  }
}
