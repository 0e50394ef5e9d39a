/* From the server's items to what the calendar component draws: text, sign and colour for everything. */

export function svg(name, className = "") {
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  icon.setAttribute("class", `icon icon-${name} ${className}`.trim());
  icon.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  icon.append(use);
  return icon;
}

export function make(tag, className, ...content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...content);
  return node;
}

function later(day, time, minutes) {
  const at = new Date(`${day}T${time}:00`);
  at.setMinutes(at.getMinutes() + minutes);
  const two = (n) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}:00`;
}

function nextDay(day) {
  return later(day, "12:00", 24 * 60).slice(0, 10);
}

/* The server says once what items have in common, and leaves out what is empty: each item as the views read it. */
export function whole(data, texts) {
  const { stages, sentences, statuses, channels, card, move } = data.words;
  const items = data.items.map((item) => {
    const clashes = (item.clashes ?? []).map((place) => sentences[place]);
    const more = (item.clashCount ?? 0) - clashes.length;
    return {
      time: null,
      editable: false,
      ...item,
      ...stages[item.of],
      ...statuses[item.status],
      ...channels[item.channel],
      clashes: more > 0 ? [...clashes, `${texts.clash}: +${more}`] : clashes,
      obstacles: (item.obstacles ?? []).map((place) => sentences[place]),
      card: card.replace("{id}", item.id),
      move: move.replace("{id}", item.id),
    };
  });
  return { ...data, items };
}

export function toLanes(data, options) {
  if (options.lanes === "channel") {
    const seen = new Map(data.items.map((item) => [item.channel, item.channelLabel]));
    return [...seen].map(([id, title]) => ({ id, title }));
  }
  if (options.lanes === "market") return data.markets.map(({ code, name }) => ({ id: code, title: name }));
  const campaigns = new Map();
  const lane = (campaign, name) => {
    if (!campaigns.has(campaign)) campaigns.set(campaign, { id: campaign, title: name, expanded: true, children: new Map() });
    return campaigns.get(campaign);
  };
  for (const stage of data.stages) lane(stage.campaign, stage.campaignName).children.set(stage.id, stage.name);
  for (const item of data.items) lane(item.campaign, item.campaignName).children.set(item.stage, item.stageName);
  return [...campaigns.values()].map((one) => ({
    ...one,
    children: [...one.children].map(([id, title]) => ({ id, title })),
  }));
}

function laneOf(entry, options, isStage) {
  if (options.lanes === "channel") return isStage ? null : entry.channel;
  if (options.lanes === "market") return entry.market;
  return isStage ? entry.id : entry.stage;
}

export function toEvents(data, options) {
  const timeline = options.view === "timeline";
  const events = data.items.map((item) => {
    const day = timeline || !item.time;
    return {
      id: item.id,
      allDay: day,
      start: day ? item.day : `${item.day}T${item.time}:00`,
      end: day ? nextDay(item.day) : later(item.day, item.time, 60),
      title: item.title,
      startEditable: item.editable,
      resourceIds: timeline ? [laneOf(item, options, false)] : [],
      classNames: ["cal-event", `cal-status--${item.status}`],
      extendedProps: {
        item,
        words: [item.title, item.statusLabel, item.channelLabel, item.day, item.when, ...item.obstacles, ...item.clashes].join(", "),
      },
    };
  });
  for (const stage of data.stages) {
    const lane = laneOf(stage, options, true);
    if (!timeline || lane === null) continue;
    events.push({
      id: `stage-${stage.id}`,
      allDay: true,
      start: stage.first,
      end: stage.after,
      title: stage.name,
      startEditable: stage.editable,
      resourceIds: [lane],
      classNames: ["cal-stage", `cal-stage--${stage.kind}`],
      extendedProps: {
        stage,
        words: `${options.words.stage}: ${stage.name}, ${stage.campaignName}, ${stage.first} – ${stage.after}`,
      },
    });
  }
  for (const occasion of data.occasions) {
    events.push({
      id: `occasion-${occasion.market}-${occasion.key}-${occasion.day}`,
      allDay: true,
      start: occasion.first,
      end: occasion.after,
      title: occasion.name,
      display: "background",
      classNames: ["cal-window", `cal-window--${occasion.kind}`],
      extendedProps: { occasion },
      resourceIds: timeline ? toLanes(data, options).flatMap((one) => [one.id, ...(one.children ?? []).map((c) => c.id)]) : [],
    });
  }
  return events;
}

export function eventContent({ event }, options) {
  const { item, stage } = event.extendedProps;
  if (stage) {
    const name = options.lanes === "campaign" ? stage.name : `${stage.campaignName}: ${stage.name}`;
    return { domNodes: [make("span", "cal-stage__name", name)] };
  }
  if (!item) return { domNodes: [] };
  const clash = () => {
    const sign = make("span", "cal-clash", svg("warning"), options.words.clash);
    sign.title = item.clashes.join("\n");
    return sign;
  };
  const stuck = () => {
    const sign = make("span", "cal-clash cal-stuck", svg("lock"), options.words.stuck);
    sign.title = item.obstacles.join("\n");
    return sign;
  };
  const state = [svg(item.statusIcon), make("span", "", item.statusLabel)];
  if (options.view === "timeline") {
    const under = make("span", "cal-event__under", svg(item.channelIcon), make("span", "", item.time ?? ""));
    const body = make("span", "cal-event__body", make("span", "cal-event__under", ...state), under);
    if (item.obstacles.length) under.append(make("span", "cal-event__mark", svg("lock")));
    if (item.clashes.length) under.append(make("span", "cal-event__mark", svg("warning")));
    body.title = [item.title, item.statusLabel, item.channelLabel, item.when, ...item.obstacles, ...item.clashes].join("\n");
    return { domNodes: [body] };
  }
  const status = make("span", "cal-event__under", ...state, svg(item.channelIcon));
  const top = make("span", "cal-event__title");
  top.title = item.title;
  if (item.time && options.view === "month") top.append(make("span", "cal-event__time", item.time), " ");
  top.append(item.title);
  const body = make("span", "cal-event__body", top, status);
  if (item.obstacles.length) body.append(stuck());
  if (item.clashes.length) body.append(clash());
  return { domNodes: [body] };
}

export function dayContent({ date, resource }, occasions, options) {
  if (resource) return "";
  const two = (n) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  if (options.view !== "month") return "";
  const first = date.getDate() === 1;
  const number = first
    ? date.toLocaleDateString(options.locale, { day: "numeric", month: "short" })
    : String(date.getDate());
  const nodes = [make("span", "cal-number", number)];
  const today = new Map(occasions.filter((one) => one.day === day).map((one) => [one.name, one.caveats]));
  for (const [name, caveats] of today) {
    const label = make("span", "cal-day-name", name);
    label.title = [name, ...caveats].join("\n");
    nodes.push(label);
  }
  return { domNodes: nodes };
}

export function laneContent({ resource }) {
  const name = make("span", "cal-lane", resource.title);
  name.title = String(resource.title);
  return { domNodes: [name] };
}
