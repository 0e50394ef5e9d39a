/* Forms of planning, a little shorter: shows only the fields that go with what was chosen. Without it all of them show. */

const chosen = (form, name) => form.querySelector(`[name="${name}"]:checked`)?.value ?? form.querySelector(`[name="${name}"]`)?.value ?? "";

function publication(form) {
  const accounts = form.querySelector("[name=account]");
  const groups = [...accounts.querySelectorAll("optgroup")];
  const labels = new Map([...form.querySelector("[name=channel]").options].map((one) => [one.value, one.text]));
  const show = () => {
    const content = chosen(form, "content");
    for (const part of form.querySelectorAll("[data-plan-content]")) part.hidden = part.dataset.planContent !== content;
    const moment = chosen(form, "moment");
    for (const part of form.querySelectorAll("[data-plan-moment]")) {
      part.hidden = !part.dataset.planMoment.split(" ").includes(moment);
    }
    const channel = chosen(form, "channel");
    for (const group of groups) group.hidden = group.disabled = group.label !== labels.get(channel);
    if (accounts.selectedOptions[0]?.parentElement.disabled) accounts.value = "";
    const sandboxes = form.querySelector("[data-plan-sandboxes]");
    sandboxes.hidden = !accounts.value || !sandboxes.dataset.planSandboxes.split(" ").includes(accounts.value);
    const isPublic = channel === "social";
    form.querySelector("[data-plan-people]").hidden = isPublic;
    form.querySelector("[data-plan-public]").hidden = !isPublic;
  };
  form.addEventListener("change", show);
  show();
}

function steps(list) {
  const kind = document.querySelector("[name=kind]");
  kind?.addEventListener("change", () => {
    const found = document.querySelector(`template[data-plan-kind="${kind.value}"]`);
    if (found) list.replaceChildren(found.content.cloneNode(true));
  });
}

document.querySelectorAll("[data-plan-publication]").forEach(publication);
document.querySelectorAll("[data-plan-steps]").forEach(steps);
