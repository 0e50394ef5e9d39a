/* The results page: draws the charts and follows the campaign. Without it the page shows the same numbers as tables. */
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

echarts.use([BarChart, LineChart, GridComponent, TooltipComponent, LegendComponent, AriaComponent, SVGRenderer]);

const root = document.querySelector("[data-results]");
const language = document.documentElement.lang || "en";
const drawn = new Map();
const COLOURS = ["#2e6f9e", "#8a63b8", "#c2631b"];

// The digits an amount can have are the server's (ISO 4217); a browser knows how many are usually written (CLDR).
const amounts = (currency, digits) =>
  new Intl.NumberFormat(language, { style: "currency", currency, maximumFractionDigits: digits });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const rounded = (currency) => new Intl.NumberFormat(language, { style: "currency", currency, notation: "compact" });

const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });

const shared = (place) => {
  const style = getComputedStyle(place);
  const line = style.getPropertyValue("--m-line").trim() || "#ccc";
  return {
    animation: false,
    color: COLOURS,
    textStyle: { color: style.color, fontFamily: style.fontFamily, fontSize: 12 },
    grid: { left: 8, right: 8, top: 36, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    aria: { enabled: true, label: { description: place.dataset.title } },
    tooltip: { trigger: "axis", confine: true, axisPointer: { type: "shadow" } },
    line,
    ink: style.color,
  };
};

const axis = (common, extra) => ({
  type: "value",
  minInterval: 1,
  axisLabel: { color: common.ink },
  splitLine: { lineStyle: { color: common.line } },
  ...extra,
});

const categories = (common, labels) => ({
  type: "category",
  data: labels,
  axisLabel: { color: common.ink, hideOverlap: true },
  axisLine: { lineStyle: { color: common.line } },
});

const bars = (place, spec, currency, digits) => {
  const { line, ink, ...common } = shared(place);
  const tint = { line, ink };
  const money = amounts(currency, digits);
  const brief = rounded(currency);
  return {
    ...common,
    legend: { top: 0, textStyle: { color: ink }, itemWidth: 14 },
    xAxis: categories(tint, spec.labels),
    yAxis: [
      axis(tint, { axisLabel: { color: ink, formatter: (value) => short.format(value) } }),
      axis(tint, {
        minInterval: 0,
        splitLine: { show: false },
        axisLabel: { color: ink, formatter: (value) => brief.format(value) },
      }),
    ],
    series: spec.series.map((one) => ({
      name: one.name,
      type: one.kind,
      data: one.data,
      yAxisIndex: one.money ? 1 : 0,
      barMaxWidth: 36,
      showSymbol: one.data.length < 3,
      tooltip: { valueFormatter: (value) => (one.money ? money.format(value) : whole.format(value)) },
    })),
  };
};

/* Plan, what each driver added or took away, actual: floating bars over a clear one, also across the zero line. */
const waterfall = (place, spec, currency, digits) => {
  const { line, ink, ...common } = shared(place);
  const tint = { line, ink };
  const money = amounts(currency, digits);
  const brief = rounded(currency);
  const label = place.clientWidth < 560 ? brief : money;
  let level = 0;
  const clear = [];
  const shown = spec.values.map((value, index) => {
    const isTotal = spec.totals[index];
    const from = isTotal ? 0 : level;
    level = isTotal ? value : level + value;
    clear.push(Math.min(from, level));
    const colour = isTotal ? COLOURS[0] : value < 0 ? "#c0392b" : "#1b8666";
    return { value: Math.abs(level - from), itemStyle: { color: colour }, told: value };
  });
  return {
    ...common,
    tooltip: {
      ...common.tooltip,
      formatter: (items) => {
        const item = items[items.length - 1];
        return `${echarts.format.encodeHTML(item.name)}: <b>${money.format(shown[item.dataIndex].told)}</b>`;
      },
    },
    xAxis: categories(tint, spec.labels),
    yAxis: axis(tint, { axisLabel: { color: ink, formatter: (value) => brief.format(value) } }),
    series: [
      { type: "bar", stack: "all", stackStrategy: "all", silent: true, data: clear, itemStyle: { color: "transparent" } },
      {
        name: spec.name,
        type: "bar",
        stack: "all",
        stackStrategy: "all",
        data: shown,
        barMaxWidth: 56,
        label: { show: true, position: "top", color: ink, formatter: (item) => label.format(item.data.told) },
      },
    ],
  };
};

const draw = (charts) => {
  root.querySelectorAll("[data-chart]").forEach((place) => {
    const spec = charts[place.dataset.chart];
    const isThere = Boolean(spec && spec.labels.length);
    place.hidden = !isThere;
    if (!isThere) return;
    let chart = drawn.get(place);
    if (!chart) {
      chart = echarts.init(place, null, { renderer: "svg" });
      drawn.set(place, chart);
      new ResizeObserver(() => chart.resize()).observe(place);
    }
    const make = place.dataset.chart === "drivers" ? waterfall : bars;
    chart.setOption(make(place, spec, charts.currency, charts.digits), { replaceMerge: ["series"] });
  });
};

/* Replace a part only when it changed, and keep what the reader has opened or scrolled. */
const replace = (place, html) => {
  if (place.lastHtml === html) return;
  place.lastHtml = html;
  const opened = [...place.querySelectorAll("details")].map((one) => one.open);
  const scrolled = [...place.querySelectorAll(".m-scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
  const focused = [...place.querySelectorAll("summary, a, [tabindex]")].indexOf(document.activeElement);
  place.innerHTML = html;
  place.querySelectorAll("details").forEach((one, index) => (one.open = opened[index] || false));
  place.querySelectorAll(".m-scroll").forEach((one, index) => {
    if (scrolled[index]) [one.scrollLeft, one.scrollTop] = scrolled[index];
  });
  if (focused >= 0) place.querySelectorAll("summary, a, [tabindex]")[focused]?.focus({ preventScroll: true });
};

const show = (news) => {
  root.querySelector("[data-as-of]").textContent = news.as_of;
  root.querySelector("[data-empty]").hidden = !news.is_empty;
  for (const [name, html] of Object.entries(news.parts)) replace(root.querySelector(`[data-part="${name}"]`), html);
  draw(news.charts);
};

const follow = async () => {
  const every = Number(root.dataset.every) * 1000;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, every));
    if (document.hidden) continue;
    let isLost = false;
    try {
      const answer = await fetch(root.dataset.liveUrl, { headers: { "X-Requested-With": "XMLHttpRequest" } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      show(await answer.json());
    } catch {
      isLost = true;
    }
    root.classList.toggle("m-is-lost", isLost);
    root.querySelector("[data-lost]").textContent = isLost ? root.dataset.wordsLost : "";
  }
};

root.querySelector("[data-print]")?.addEventListener("click", () => window.print());
draw(JSON.parse(document.getElementById("measurement-charts").textContent));
if (root.dataset.liveUrl) follow();
