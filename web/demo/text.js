// Sentences and those nearest to one of them.

export const files = 'config.json, tokenizer.json, *.safetensors';

export function wire(panel) {
  panel.learned = null;
  panel.listen(panel.$('ask'), 'submit', async () => {
    panel.say('computing');
    const known = panel.$('known').value;
    if (panel.learned !== known) {
      const lines = known.split('\n').filter(line => line.trim());
      panel.times['Known sentences, first run included'] = JSON.parse(await panel.demo.learn(lines)).ms;
      panel.learned = known;
    }
    const answer = JSON.parse(await panel.demo.nearest(panel.$('query').value));
    panel.times['Your sentence'] = answer.ms;
    panel.$('answers').replaceChildren();
    for (const { text, cosine } of answer.nearest) panel.row('answers', [cosine.toFixed(4), text], [0]);
    panel.plan();
    panel.say(`done: ${answer.tokens} tokens${answer.truncated ? ', cut to what the model takes' : ''}`);
  });
}

export function loaded(panel) { panel.learned = null }
