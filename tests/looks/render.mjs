// Renders every MJML source of a JSON object on standard input with npm `mjml`.
import mjml2html from "mjml";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const made = {};
for (const [name, source] of Object.entries(JSON.parse(text))) {
  try {
    const { html } = await mjml2html(source, { validationLevel: "soft", fonts: {} });
    made[name] = { html };
  } catch (error) {
    made[name] = { error: String(error.message ?? error) };
  }
}
process.stdout.write(JSON.stringify(made));
