// The attributes that each tag of npm `mjml` takes, with their types, and what it is when none is written.
import preset from "mjml-preset-core";

const known = {};
for (const { componentName, allowedAttributes } of (preset.default ?? preset).components) {
  known[componentName] = allowedAttributes ?? {};
}
process.stdout.write(JSON.stringify(known));
