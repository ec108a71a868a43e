// What a picture shows: of a file, or before the camera.

import { device } from './demo.js';

export const files = 'config.json, preprocessor_config.json, *.safetensors';

/** Pixels whose colour is whole behind transparency, which models are given without it: a canvas keeps the product of both, WebGL does not. */
function straight(picture, width, height) {
  const gl = document.createElement('canvas').getContext('webgl2');
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) {
    throw new Error('the picture is transparent, and this browser has no WebGL to read it with: choose one without transparency');
  }
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, gl.getParameter(gl.TEXTURE_BINDING_2D), 0);
  const pixels = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return pixels;
}

export function wire(panel) {
  const [video, canvas] = ['video', 'canvas'].map(name => panel.element.querySelector(name));
  const { camera, shoot } = Object.fromEntries(['camera', 'shoot'].map(name => [name, panel.$(name)]));

  async function classify(picture, width, height, name) {
    [canvas.width, canvas.height, canvas.hidden] = [width, height, false];
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    panel.say('computing');
    let pixels = new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
    if (pixels.some((byte, place) => place % 4 === 3 && byte < 255)) pixels = straight(picture, width, height);
    const answer = JSON.parse(await panel.demo.classify(width, height, pixels));
    panel.times['Picture to labels'] = answer.ms;
    panel.$('answers').replaceChildren();
    for (const { label, score } of answer.labels) panel.row('answers', [score.toFixed(4), label], [0]);
    panel.plan();
    panel.say(`done: ${name}, ${width} × ${height} pixels`);
  }

  panel.listen(panel.$('file'), 'change', async event => {
    const [file] = event.target.files;
    if (!file) return;
    let picture;
    try {
      picture = await createImageBitmap(file, { imageOrientation: 'from-image', premultiplyAlpha: 'none', colorSpaceConversion: 'none' });
    } catch {
      throw new Error(`${file.name} is no picture that this browser reads`);
    } finally {
      // The same file may be chosen again.
      event.target.value = '';
    }
    await classify(picture, picture.width, picture.height, file.name).finally(() => picture.close());
  });

  panel.listen(camera, 'click', async () => {
    const stream = await device('camera', { video: { facingMode: 'environment' } });
    try {
      video.srcObject = stream;
      video.hidden = shoot.hidden = false;
      await video.play();
      panel.say('the camera is on');
      shoot.focus();
      await new Promise(resolve => { shoot.onclick = resolve });
      await classify(video, video.videoWidth, video.videoHeight, 'the camera');
    } finally {
      video.hidden = shoot.hidden = true;
      video.srcObject = null;
      stream.getTracks().forEach(track => track.stop());
    }
  });
}
