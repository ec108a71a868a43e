// What this browser truly answers, as one object. Nothing is taken from its name; what throws is told in its own words.

const attempt = async question => {
  try {
    return await question();
  } catch (error) {
    return { error: String(error) };
  }
};

// Attributes of WebIDL objects are getters of the prototype: they are read by name.
const members = object => {
  const found = {};
  for (const name in object) {
    const value = object[name];
    if (['string', 'number', 'boolean'].includes(typeof value)) found[name] = value;
  }
  return found;
};

async function adapter(options) {
  const adapter = await navigator.gpu.requestAdapter(options);
  if (!adapter) return null;
  const device = await attempt(async () => {
    const device = await adapter.requestDevice();
    device.destroy();
    return { opened: true };
  });
  return {
    info: members(adapter.info ?? {}),
    isFallbackAdapter: adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter ?? null,
    features: [...adapter.features].sort(),
    limits: members(adapter.limits),
    device,
  };
}

async function webgpu() {
  if (!navigator.gpu) return { available: false, reason: isSecureContext ? '`navigator.gpu` is not there' : 'the page is not secure: https or loopback' };
  const adapters = {};
  for (const powerPreference of ['high-performance', 'low-power']) {
    adapters[powerPreference] = await attempt(() => adapter({ powerPreference }));
  }
  const opened = Object.values(adapters).some(adapter => adapter?.device?.opened);
  return {
    available: opened,
    reason: opened ? null : 'no adapter gave a device',
    wgslLanguageFeatures: [...(navigator.gpu.wgslLanguageFeatures ?? [])].sort(),
    adapters,
  };
}

async function webnn() {
  if (!navigator.ml) return { available: false, reason: isSecureContext ? '`navigator.ml` is not there' : 'the page is not secure: https or loopback' };
  const contexts = [];
  for (const options of [{ deviceType: 'cpu' }, { deviceType: 'gpu' }, { deviceType: 'npu' }, { powerPreference: 'high-performance' }, {}]) {
    contexts.push({ options, ...await attempt(async () => {
      const context = await navigator.ml.createContext(options);
      const answer = {
        opened: true,
        accelerated: context.accelerated ?? null,
        opSupportLimits: context.opSupportLimits ? JSON.parse(JSON.stringify(context.opSupportLimits())) : null,
      };
      context.destroy?.();
      return answer;
    }) });
  }
  const available = contexts.some(context => context.opened);
  return { available, reason: available ? null : 'every request for a context was refused', contexts };
}

// Modules that only a browser with the feature accepts.
const wasm = bytes => WebAssembly.validate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...bytes]));

export async function detect() {
  return {
    agent: {
      userAgent: navigator.userAgent,
      brands: navigator.userAgentData?.brands ?? null,
      platform: navigator.userAgentData?.platform ?? navigator.platform,
    },
    page: { secureContext: isSecureContext, crossOriginIsolated: globalThis.crossOriginIsolated ?? false },
    processor: { hardwareConcurrency: navigator.hardwareConcurrency ?? null, deviceMemoryGiB: navigator.deviceMemory ?? null },
    memory: {
      jsHeapSizeLimit: performance.memory?.jsHeapSizeLimit ?? null,
      storage: navigator.storage?.estimate ? await attempt(async () => members(await navigator.storage.estimate())) : null,
    },
    wasm: {
      // () -> v128 of i8x16.splat, popcnt
      simd: wasm([1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]),
      // a shared memory
      threads: wasm([5, 4, 1, 3, 1, 1]) && typeof SharedArrayBuffer !== 'undefined',
      // a memory with 64-bit addresses
      memory64: wasm([5, 3, 1, 4, 1]),
    },
    webgpu: await attempt(webgpu),
    webnn: await attempt(webnn),
  };
}
