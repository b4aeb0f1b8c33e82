// Browsers start no worker from the file system. There, the search runs in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      // What a worker's script calls: `postMessage` to answer, `importScripts` for languages.
      inside.postMessage = (data) => this.answer(data);
      inside.importScripts = (...scripts) => Promise.all(scripts.map((script) => this.add(script)));
      this.ready = this.add(address);
    }
    add(address) {
      return new Promise((done, failed) => {
        const script = this.frame.contentDocument.createElement("script");
        Object.assign(script, { src: address, onload: done, onerror: failed });
        this.frame.contentDocument.body.append(script);
      });
    }
    answer(data) {
      this.dispatchEvent(new MessageEvent("message", { data }));
    }
    postMessage(data) {
      const deliver = () => {
        const Event = this.frame.contentWindow.MessageEvent;
        this.frame.contentWindow.dispatchEvent(new Event("message", { data }));
      };
      this.ready.then(deliver);
    }
    terminate() {
      this.frame.remove();
    }
  };
}
