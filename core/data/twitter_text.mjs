// Asks npm's twitter-text for what it takes as a link and as an emoji, and writes twitter_text.json beside this file.
//
//   node core/data/twitter_text.mjs > core/data/twitter_text.json      (after `npm ci`; the test suite does the same)
//
// Nothing of the package is copied: its lists of domains and its classes of characters are read off by running it, one
// UTF-16 code unit after another, because that is what JavaScript's expressions look at.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const text = (name) => require(`twitter-text/dist/${name}.js`);
const { version } = require("twitter-text/package.json");
const emojiVersion = require("twemoji-parser/package.json").version;

const whole = (expression) => new RegExp(`^(?:${expression.source})$`, expression.flags.replace("g", ""));

/** The code units that `expression` takes, as pairs of first and last. */
const taken = (expression) => {
  const matches = whole(expression);
  const ranges = [];
  for (let unit = 0; unit <= 0xffff; unit += 1) {
    if (!matches.test(String.fromCharCode(unit))) continue;
    const last = ranges.at(-1);
    if (last && last[1] === unit - 1) last[1] = unit;
    else ranges.push([unit, unit]);
  }
  return ranges;
};

/** The top-level domains of a list, in the order in which they are tried. */
const domains = (expression) => expression.source.match(/^\(\?:\(\?:(.*)\)\(\?=/)[1].split("|");

// Every sequence that the emoji expression takes: it is finite, so it can be written out.
const sequences = (source) => {
  let at = 0;
  const units = /\\u([0-9a-f]{4})|(.)/y;
  const unit = () => {
    units.lastIndex = at;
    const [all, hex, char] = units.exec(source);
    at += all.length;
    return hex ? String.fromCharCode(parseInt(hex, 16)) : char;
  };
  const members = () => {
    const found = [];
    while (source[at] !== "]") {
      const first = unit();
      if (source[at] !== "-") {
        found.push(first);
        continue;
      }
      at += 1;
      for (let code = first.charCodeAt(0), last = unit().charCodeAt(0); code <= last; code += 1) found.push(String.fromCharCode(code));
    }
    at += 1;
    return found;
  };
  // "\0" stands for “not followed by the sign that asks for plain text”.
  const one = () => {
    if (source.startsWith("(?!\\ufe0e)", at)) {
      at += "(?!\\ufe0e)".length;
      return ["\0"];
    }
    if (source[at] === "[") {
      at += 1;
      return members();
    }
    if (source[at] === "(") {
      at += source.startsWith("(?:", at) ? 3 : 1;
      const found = either();
      at += 1;
      return found;
    }
    return [unit()];
  };
  const either = () => {
    const found = [];
    let row = [""];
    while (at < source.length && source[at] !== ")") {
      if (source[at] === "|") {
        found.push(...row);
        row = [""];
        at += 1;
        continue;
      }
      const ways = one();
      if (source[at] === "?") {
        ways.push("");
        at += 1;
      }
      row = row.flatMap((before) => ways.map((way) => before + way));
    }
    return [...found, ...row];
  };
  return [...new Set(either())].sort();
};

const emoji = sequences(require("twemoji-parser/dist/lib/regex.js").default.source);
const { version3 } = text("configs");

process.stdout.write(
  `${JSON.stringify(
    {
      source: `npm twitter-text ${version} (Apache-2.0) and twemoji-parser ${emojiVersion} (MIT), as they answer when run`,
      maximum: version3.maxWeightedTweetLength,
      link: version3.transformedURLLength,
      light: version3.ranges.map(({ start, end }) => [start, end]),
      domains: [...domains(text("regexp/validGTLD")), ...domains(text("regexp/validCCTLD"))].join(" "),
      label: taken(text("regexp/validDomainChars")),
      plain: taken(new RegExp(text("regexp/validAsciiDomain").source.match(/\[[^\]]*\]/)[0], "i")),
      before: taken(text("regexp/validUrlPrecedingChars")),
      path: taken(text("regexp/validGeneralUrlPathChars")),
      pathEnd: taken(text("regexp/validUrlPathEndingChars")),
      query: taken(text("regexp/validUrlQueryChars")),
      queryEnd: taken(text("regexp/validUrlQueryEndingChars")),
      // The sign is asked for right after the picture only: with a skin colour behind it the answer is known.
      emoji: emoji.filter((sequence) => !sequence.endsWith("\0")).map((sequence) => sequence.replace("\0", "")).join(" "),
      emojiUnlessText: emoji.filter((sequence) => sequence.endsWith("\0")).join("").replaceAll("\0", ""),
    },
    null,
    1,
  ).replace(/\[\s+(\d+),\s+(\d+)\s+\]/g, "[$1, $2]")}\n`,
);
