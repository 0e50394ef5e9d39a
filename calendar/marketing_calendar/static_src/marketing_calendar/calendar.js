/* The campaign calendar: draws month, week and timeline over the list the server rendered, and moves things on it.
   Without this script the list, its filters and its "Move to…" pages do everything. */
import { createCalendar, DayGrid, Interaction, ResourceTimeline, TimeGrid } from "@event-calendar/core";
import "@event-calendar/core/index.css";
import "./calendar.css";
import { Mover } from "./_mover.js";
import { Card } from "./_card.js";
import { eventContent, dayContent, laneContent, toEvents, toLanes, whole } from "./_draw.js";

const VIEWS = { month: "dayGridMonth", week: "timeGridWeek", timeline: "resourceTimelineMonth" };
const PHONE = "(max-width: 47.99em)";

/* Stage bars above what goes out in them; then by the hour, which an all-day chip of the timeline does not show. */
function rank({ extendedProps: { stage, item } }) {
  if (stage) return 0;
  const [hours, minutes] = (item?.time ?? "23:59").split(":").map(Number);
  return 1 + hours * 60 + minutes;
}

class Board {
  constructor(root) {
    this.root = root;
    this.options = JSON.parse(document.getElementById("campaign-calendar-options").textContent);
    this.board = root.querySelector("[data-cal-board]");
    this.list = root.querySelector("[data-cal-list]");
    this.mover = new Mover(root, this.options.words, () => this.refresh());
    this.card = new Card(root, this.mover, () => Boolean(this.calendar));
    this.data = { items: [], stages: [], occasions: [], markets: [] };
    this.filters();
    root.addEventListener("click", (event) => this.listMove(event));
    const phone = !this.options.chosen && window.matchMedia(PHONE).matches;
    if (VIEWS[this.options.view] && !phone) this.draw();
    else if (phone) this.markTab("list");
  }

  markTab(view) {
    for (const tab of this.root.querySelectorAll("[data-cal-tab]")) {
      if (tab.dataset.calTab === view) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
  }

  filters() {
    const form = this.root.querySelector("[data-cal-filters]");
    form.addEventListener("change", () => form.requestSubmit());
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    });
  }

  /* In the list, "Move to…" opens the dialog instead of a page. */
  listMove(event) {
    const link = event.target.closest("[data-cal-card]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const here = encodeURIComponent(window.location.pathname + window.location.search);
    this.card.open(`${link.dataset.calCard}?next=${here}`, link);
  }

  draw() {
    const { options } = this;
    this.board.hidden = false;
    this.list.hidden = true;
    const timeline = options.view === "timeline";
    this.calendar = createCalendar(
      this.board,
      [DayGrid, TimeGrid, ResourceTimeline, Interaction],
      {
        view: VIEWS[options.view],
        date: options.date,
        ...(timeline ? { duration: { days: options.days }, columnWidth: "6rem" } : {}),
        firstDay: options.firstDay,
        locale: options.locale,
        headerToolbar: { start: "", center: "", end: "" },
        ...(options.view === "week" ? { height: "46rem" } : {}),
        dayMaxEvents: false,
        nowIndicator: false,
        scrollTime: "08:00:00",
        slotHeight: 32,
        allDayContent: options.words.allDay,
        buttonText: (texts) => ({ ...texts, expand: options.words.expand, collapse: options.words.collapse }),
        eventOrder: (one, other) => rank(one) - rank(other) || one.start - other.start,
        eventStartEditable: true,
        eventDurationEditable: false,
        eventDragMinDistance: 6,
        eventLongPressDelay: 400,
        eventSources: [{ events: (info) => this.fetch(info) }],
        resources: [],
        dayCellContent: (cell) => dayContent(cell, this.data.occasions, options),
        resourceLabelContent: (info) => laneContent(info),
        eventContent: (info) => eventContent(info, options),
        eventClick: (info) => this.clicked(info),
        eventDrop: (info) => this.mover.dropped(info, options),
        eventDidMount: ({ el, event }) => {
          const words = event.extendedProps.words;
          if (words) el.setAttribute("aria-label", words);
          if (event.extendedProps.item) el.dataset.publication = event.id;
          if (event.extendedProps.stage) el.dataset.stage = event.extendedProps.stage.id;
        },
        eventAllUpdated: () => this.plainRoles(),
        loading: (busy) => this.board.toggleAttribute("data-busy", busy),
      },
    );
  }

  /* The component calls itself a table but has no rows in some views, which misleads screen readers: a group of buttons
     is what it is. The list beside it is the table. */
  plainRoles() {
    const drawn = this.board.querySelector(".ec");
    for (const node of drawn.querySelectorAll("[role=row], [role=cell], [role=columnheader], [role=rowheader], [role=rowgroup]")) {
      for (const name of ["role", "aria-colindex", "aria-rowindex", "aria-colspan", "aria-rowspan"]) node.removeAttribute(name);
    }
    drawn.setAttribute("role", "group");
    drawn.setAttribute("aria-label", this.root.querySelector(".cal-bar__title").textContent);
  }

  async fetch(info) {
    const address = new URL(this.options.itemsUrl, window.location);
    address.search = this.options.query;
    address.searchParams.set("start", info.startStr.slice(0, 10));
    address.searchParams.set("end", info.endStr.slice(0, 10));
    let answer;
    try {
      answer = await fetch(address, { headers: { Accept: "application/json" } });
    } catch {
      answer = null;
    }
    if (!answer?.ok) {
      this.mover.say(this.options.words.failed, "error", {
        label: this.options.words.reload,
        act: () => window.location.reload(),
      });
      return [];
    }
    this.data = whole(await answer.json(), this.options.words);
    if (this.options.view === "timeline") this.calendar.setOption("resources", toLanes(this.data, this.options));
    else this.calendar.setOption("dayCellContent", (cell) => dayContent(cell, this.data.occasions, this.options));
    return toEvents(this.data, this.options);
  }

  clicked({ event, el }) {
    const { item, stage } = event.extendedProps;
    if (item) this.card.open(item.card, el);
    else if (stage?.editable) window.location = `${stage.move}?next=${encodeURIComponent(window.location.pathname + window.location.search)}`;
    else if (stage?.url) window.location = stage.url;
  }

  refresh() {
    this.calendar.refetchEvents();
  }
}

const root = document.getElementById("campaign-calendar");
if (root) new Board(root);
