// What npm date-holidays says, a source of days of its own: its data by country, and its reckoning of rules.
// In: {"years": [first, last], "rules": ["easter 39", …]}. Out: {"countries": {CC: [[day, last, type, name, rule], …]}, "rules": {rule: [day, …]}}.
import Holidays from "date-holidays";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { years, rules } = JSON.parse(text);
const every = Array.from({ length: years[1] - years[0] + 1 }, (_, n) => years[0] + n);

const countries = {};
for (const country of Object.keys(new Holidays().getCountries())) {
  const source = new Holidays(country, { languages: ["en"], timezone: "UTC" });
  countries[country] = every.flatMap((year) =>
    source
      .getHolidays(year, "en")
      .filter((one) => !one.substitute)
      .map((one) => [one.date.slice(0, 10), one.type, one.name, one.rule]),
  );
}

const reckoned = {};
for (const rule of rules) {
  const source = new Holidays();
  source.setHoliday(rule, { name: rule, type: "public" });
  reckoned[rule] = every.flatMap((year) => source.getHolidays(year).map((one) => one.date.slice(0, 10)));
}
console.log(JSON.stringify({ countries, rules: reckoned }));
