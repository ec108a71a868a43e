// The tabs, and what each of them does: load a model, say where it computes, tell errors in words. A tab's own part is text.js, picture.js or sound.js;
// it and its module are loaded when the tab is first opened.

const PLATFORMS = (new URLSearchParams(location.search).get('platform') ?? 'webnn,webgpu,cpu').split(',');

/** One tab's panel with its model. */
class Panel {
  constructor(element) {
    this.element = element;
    this.demo = null;
    this.times = {};
    element.querySelector('h2').after(document.getElementById('model').content.cloneNode(true));
    element.append(document.getElementById('plan').content.cloneNode(true));
  }

  /** The first element of a class. */
  $(name) { return this.element.querySelector(`.${name}`) }

  say(text) { this.$('state').textContent = text }

  row(body, cells, numbers = []) {
    const row = document.createElement('tr');
    cells.forEach((text, index) => {
      const number = numbers.includes(index);
      const cell = document.createElement(index === 0 && !number ? 'th' : 'td');
      if (cell.tagName === 'TH') cell.scope = 'row';
      if (number) cell.className = 'number';
      cell.textContent = text;
      row.append(cell);
    });
    this.$(body).append(row);
  }

  plan() {
    const report = JSON.parse(this.demo.report());
    this.$('plan').replaceChildren();
    this.row('plan', ['Platform', report.platform]);
    this.row('plan', ['Device', report.device]);
    this.row('plan', ['Passed over', report.passed_over.map(({ platform, reason }) => `${platform}: ${reason}`).join('; ') || 'nothing']);
    this.row('plan', ['Head, type', `${report.head}, ${report.precision}`]);
    for (const [name, ms] of Object.entries(this.times)) this.row('plan', [name, `${ms.toFixed(1)} ms`]);
  }

  /** A listener that is busy until its action is done, and says what went wrong. */
  listen(target, event, action) {
    target.addEventListener(event, async given => {
      given.preventDefault();
      await this.work(() => action(given));
    });
  }

  async work(action) {
    const controls = [...this.element.querySelectorAll('[data-needs-model], .folder')];
    controls.forEach(control => { control.disabled = true });
    this.say('working');
    try {
      await action();
    } catch (error) {
      // A module that stopped in the middle is not to be used again.
      const stopped = error instanceof WebAssembly.RuntimeError;
      if (stopped) this.demo = null;
      this.say(stopped ? `failed: the module stopped (${error.message}); reload the page` : `failed: ${error.message ?? error}`);
    }
    controls.forEach(control => { control.disabled = this.demo === null && !control.matches('.folder') });
  }

  /** Opens the tab: its part of the page, its module, the model that is served beside the page. */
  async open() {
    const name = this.element.id;
    await this.work(async () => {
      let started = performance.now();
      const [part, module] = await Promise.all([import(`./${name}.js`), import(`./pkg/${name}.js`)]);
      await module.default();
      this.times['Module'] = performance.now() - started;
      this.module = module;
      this.part = part;
      this.$('files').textContent = part.files;
      this.listen(this.$('folder'), 'change', async event => {
        this.$('notice').hidden = true;
        // The chosen folder's own name leads every path.
        const path = file => (file.webkitRelativePath || file.name).replace(/^[^/]*\//, '');
        const wanted = [...event.target.files].filter(file => /(\.safetensors|\.json)$/.test(file.name));
        await this.load(wanted.map(file => ({ name: path(file), size: file.size, open: () => file.stream() })));
      });
      part.wire(this);
      const listed = await fetch(`./${name}/model.json`);
      if (!listed.ok) { this.say('choose a model'); return }
      const { files, random } = await listed.json();
      this.$('notice').hidden = !random;
      const open = async path => {
        const answer = await fetch(`./${name}/${path}`);
        if (!answer.ok) throw new Error(`${path}: the server answers ${answer.status}`);
        return answer.body;
      };
      await this.load(files.map(({ name, size }) => ({ name, size, open: () => open(name) })));
    });
  }

  // Files come as streams, so that the bar can show how much of the weights is there.
  async load(sources) {
    const total = sources.reduce((sum, source) => sum + source.size, 0);
    const bar = this.$('loaded');
    let loaded = 0;
    const files = {};
    let started = performance.now();
    for (const { name, size, open } of sources) {
      let bytes = new Uint8Array(size);
      let place = 0;
      for (const reader = (await open()).getReader();;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (place + value.length > size) throw new Error(`${name}: more than the ${size} bytes that were announced`);
        bytes.set(value, place);
        place += value.length;
        loaded += value.length;
        bar.max = total;
        bar.value = loaded;
        this.say(`loading: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`);
      }
      if (place < size) throw new Error(`${name}: ${place} bytes came of ${size}`);
      files[name] = bytes;
    }
    this.times['Files'] = performance.now() - started;
    started = performance.now();
    const before = this.demo;
    this.demo = await this.module.Demo.load(files, PLATFORMS);
    before?.free();
    this.times['Device and checks'] = performance.now() - started;
    this.part.loaded?.(this);
    this.plan();
    this.say('ready');
  }
}

/** Camera or microphone; what stands in the way, in words. */
export async function device(what, constraints) {
  if (!navigator.mediaDevices) throw new Error(`no ${what}: a page has one only where it comes by https or from this machine. Choose a file`);
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch (error) {
    const words = {
      NotAllowedError: `the ${what} is not allowed: permit it beside the page's address, or choose a file`,
      NotFoundError: `there is no ${what}: choose a file`,
      NotReadableError: `the ${what} is in use by another program`,
    };
    throw new Error(words[error.name] ?? `the ${what}: ${error.message}`);
  }
}

const tabs = [...document.querySelectorAll('[role=tab]')];
const panels = new Map();

function select(tab, focus = false) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.ariaSelected = chosen;
    other.setAttribute('aria-selected', chosen);
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(other.getAttribute('aria-controls')).hidden = !chosen;
  }
  if (focus) tab.focus();
  const element = document.getElementById(tab.getAttribute('aria-controls'));
  history.replaceState(null, '', `#${element.id}`);
  if (!panels.has(element)) {
    panels.set(element, new Panel(element));
    panels.get(element).open();
  }
}

tabs.forEach((tab, index) => {
  tab.addEventListener('click', () => select(tab));
  tab.addEventListener('keydown', event => {
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    select(tabs[(next + tabs.length) % tabs.length], true);
  });
});
select(tabs.find(tab => `#${tab.getAttribute('aria-controls')}` === location.hash) ?? tabs[0]);
