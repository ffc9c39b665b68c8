// Plays the file that the person chose: nothing is fetched, the service keeps no sound. Without a
// file there is still a place in the recording, which can be moved.

import { $, clock, spokenTime } from "./dom.js";

const STEP_S = 5;
const TOLERANCE_S = 2; // lengths of one file differ a little between decoders

export class Player extends EventTarget {
  /** Fires "time" (the place has changed; many times a second while playing) and "state". */
  constructor() {
    super();
    this.audio = document.getElementById("audio");
    this.url = null;
    this.place = 0;
    this.duration = 0;
    this.onFile = () => {};
    const click = (id, act) => document.getElementById(id).addEventListener("click", act);
    click("play", () => this.toggle());
    click("back", () => this.step(-STEP_S));
    click("forward", () => this.step(STEP_S));
    $("#speed").addEventListener("change", (event) => {
      this.audio.playbackRate = Number(event.target.value);
    });
    $("#sound-file").addEventListener("change", (event) => {
      const [file] = event.target.files;
      if (file) this.load(file, this.duration);
      event.target.value = "";
    });
    for (const type of ["play", "pause", "ended"]) {
      this.audio.addEventListener(type, () => this.showState());
    }
    this.audio.addEventListener("seeked", () => this.tick());
    this.audio.addEventListener("loadedmetadata", () => this.check());
    this.audio.addEventListener("error", () => {
      if (this.url !== null) this.lack("This browser cannot play that file.");
    });
  }

  get playing() {
    return !this.audio.paused;
  }

  get hasSound() {
    return this.url !== null;
  }

  /** Get ready for a recording of `duration` seconds; `file` is null where it is not at hand. */
  load(file, duration) {
    this.unload();
    this.duration = duration;
    $("#length").textContent = clock(duration);
    if (file === null) {
      this.lack("The service keeps no sound.");
    } else {
      this.url = URL.createObjectURL(file);
      this.file = file;
      this.audio.src = this.url;
      this.audio.playbackRate = Number($("#speed").value);
      $("#sound-lacks").hidden = true;
    }
    this.showState();
    this.tick();
  }

  unload() {
    if (this.url === null) return;
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    URL.revokeObjectURL(this.url);
    this.url = null;
  }

  leave() {
    this.unload();
    this.place = 0;
  }

  lack(why) {
    this.unload();
    $("#sound-why").textContent = why;
    $("#sound-lacks").hidden = false;
  }

  /** Is it the recording that the transcript is of? Some files do not say how long they are. */
  check() {
    const seconds = this.audio.duration;
    if (Number.isFinite(seconds) && Math.abs(seconds - this.duration) > TOLERANCE_S) {
      this.lack(`That one lasts ${spokenTime(seconds)}, this transcript ${spokenTime(this.duration)}.`);
    } else {
      this.audio.currentTime = this.place;
      this.onFile(this.file);
    }
  }

  seek(seconds) {
    this.place = Math.max(0, Math.min(seconds, this.duration));
    if (this.hasSound) this.audio.currentTime = this.place;
    this.tick();
  }

  step(seconds) {
    this.seek(this.place + seconds);
  }

  playFrom(seconds) {
    this.seek(seconds);
    this.play();
  }

  play() {
    if (!this.hasSound) return;
    this.audio.play().catch((error) => {
      if (error.name !== "AbortError") this.lack("This browser cannot play that file.");
    });
  }

  toggle() {
    if (this.playing) this.audio.pause();
    else this.play();
  }

  showState() {
    const button = $("#play");
    button.title = this.playing ? "Pause (Space)" : "Play (Space)";
    button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    $("use", button).setAttribute("href", this.playing ? "#i-pause" : "#i-play");
    this.dispatchEvent(new Event("state"));
    if (this.playing) requestAnimationFrame(() => this.run());
  }

  run() {
    if (!this.playing) return;
    this.tick();
    requestAnimationFrame(() => this.run());
  }

  tick() {
    if (this.hasSound && this.audio.readyState > 0) this.place = this.audio.currentTime;
    const now = clock(this.place);
    if ($("#now").textContent !== now) $("#now").textContent = now;
    this.dispatchEvent(new Event("time"));
  }
}
