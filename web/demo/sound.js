// What is said in a file, or into the microphone.

import { device } from './demo.js';

export const files = 'config.json, generation_config.json, preprocessor_config.json, tokenizer.json, *.safetensors';

export function wire(panel) {
  const { said, cancel, record, stop, heard } = Object.fromEntries(['said', 'cancel', 'record', 'stop', 'heard'].map(name => [name, panel.$(name)]));

  async function transcribe(blob, name) {
    panel.say(`decoding ${name}`);
    const rate = panel.demo.rate();
    let sound;
    try {
      // The browser's own decoders know more formats, and bring every sound to the rate of this context.
      sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await blob.arrayBuffer());
    } catch {
      throw new Error(`${name} is no sound that this browser reads`);
    }
    const channels = Array.from({ length: sound.numberOfChannels }, (_, channel) => sound.getChannelData(channel));
    panel.$('answers').replaceChildren();
    said.textContent = '';
    heard.value = 0;
    const control = new AbortController();
    cancel.onclick = () => control.abort();
    cancel.disabled = false;
    panel.say(`listening to ${name}, ${sound.duration.toFixed(1)} seconds`);
    const grow = (text, part) => {
      said.textContent = text;
      heard.value = part;
    };
    try {
      const answer = JSON.parse(await panel.demo.transcribe(rate, channels, panel.$('language').value || undefined, grow, control.signal));
      const { text, segments, language } = answer.transcript;
      said.textContent = text;
      for (const { start, end, text } of segments) panel.row('answers', [`${start.toFixed(2)} to ${end.toFixed(2)}`, text], [0]);
      panel.times['Sound to text'] = answer.ms;
      panel.plan();
      const tokens = segments.reduce((sum, segment) => sum + segment.tokens.length, 0);
      panel.say(`done: ${tokens} tokens from ${answer.seconds.toFixed(2)} seconds${language ? `, ${name_of(language)}` : ''}`);
    } catch (error) {
      if (!control.signal.aborted) throw error;
      panel.say('cancelled: the text is what was heard until then');
    } finally {
      cancel.disabled = true;
    }
  }

  panel.listen(panel.$('file'), 'change', async event => {
    const [file] = event.target.files;
    // The same file may be chosen again.
    if (file) await transcribe(file, file.name).finally(() => { event.target.value = '' });
  });

  panel.listen(record, 'click', async () => {
    if (!window.MediaRecorder) throw new Error('this browser does not record: choose a file');
    const stream = await device('microphone', { audio: true });
    const parts = [];
    try {
      const recorder = new MediaRecorder(stream);
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const ended = new Promise((resolve, reject) => {
        recorder.onstop = resolve;
        recorder.onerror = ({ error }) => reject(error);
      });
      stop.onclick = () => recorder.stop();
      recorder.start();
      stop.hidden = false;
      stop.focus();
      panel.say('recording');
      await ended;
    } finally {
      stop.hidden = true;
      stream.getTracks().forEach(track => track.stop());
    }
    await transcribe(new Blob(parts, { type: parts[0]?.type }), 'the recording');
  });
}

/** `<|en|>` is English, in the page's own language. */
function name_of(language) {
  const code = language.replace(/[<|>]/g, '');
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(code);
  } catch {
    return code;
  }
}

export function loaded(panel) {
  const choice = panel.$('language');
  choice.replaceChildren(choice.options[0]);
  for (const language of JSON.parse(panel.demo.languages())) choice.add(new Option(name_of(language), language));
}
