/** What a run is in words and numbers, on the page and for a screen reader. */

const QUIET_MS = 3000; // between lines that are read out

export class Numbers {
  /** `find` returns the element of an id. */
  constructor(find) {
    this.find = find;
    this.spoken = { text: "", at: 0 };
  }

  open({ spec, digest }) {
    this.spec = spec;
    this.find("digest").textContent = digest;
  }

  /** Show a snapshot; `reads` says whether the referee knows what is drawn. */
  show({ step, lanes, device }, player, reads) {
    const { find } = this;
    const [{ moved, rest, read, sha256 }] = lanes;
    find("step").textContent = `step ${step}`;
    find("moved").textContent = moved === null ? "–" : `${count(moved)} of ${count(this.spec.codes)} codes`;
    find("rest").textContent = rest === null ? "not yet" : `at rest since step ${rest}`;
    find("read").textContent = reads && read ? `${read.digit}, ${percent(read.confidence)} sure` : "–";
    find("sha").textContent = sha256;
    this.device(player, device);
    const lines = lanes.map((lane, i) => this.line(lane, reads, lanes.length > 1 ? ["With the gate: ", "The rule alone: "][i] : ""));
    const text = lines.join(" ");
    find("told").textContent = text;
    this.speak(`Step ${step}. ${text}`, !player.running);
  }

  line({ rest, read }, reads, who) {
    const seen = reads && read ? `the referee reads ${read.digit}, ${percent(read.confidence)} sure` : "";
    const still = rest === null ? "" : `at rest since step ${rest}`;
    const said = [seen, still].filter(Boolean).join("; ");
    return said && `${who}${who ? said : said[0].toUpperCase() + said.slice(1)}.`;
  }

  device(player, found) {
    const { find } = this;
    const { device, met, comparison } = player;
    const told = find("compared");
    find("device").textContent = device ? device.name : "none: the page computes alone";
    told.textContent = device && met ? String(comparison) : "–";
    told.className = comparison?.difference ? "differs" : "equal";
    find("device-sha").textContent = found?.sha256 ?? "–";
    if (found?.lost) told.textContent = "lost: the next step tries again";
  }

  /** Have a line read out, not too often. */
  speak(text, now) {
    const passed = performance.now() - this.spoken.at;
    if (text === this.spoken.text || (!now && passed < QUIET_MS)) return;
    this.spoken = { text, at: performance.now() };
    this.find("live").textContent = text;
  }
}

function count(number) {
  return number.toLocaleString("en");
}

function percent(share) {
  return `${Math.floor(100 * share)} %`;
}
