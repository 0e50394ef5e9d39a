#!/usr/bin/env bash
# npm twitter-text 3.1.0 (X's published counter) weighs a part of one link twice.
#
# A stretch without a scheme that holds a Latin domain and then a domain of another script is one link with its path
# (extractUrlsWithIndices: from 0 to 12), but its `url` leaves the second domain out and is shorter. parseTweet jumps over
# the length of `url`, not to the end of the link, and then weighs the letters in between again: "x.com例え.jp/a" is one
# link by extractUrlsWithIndices, of 12 letters in all, and weighs 23 + 5 = 28 instead of 23.
#
# Seen, with Node 24.19.0:
#   links [{"url":"x.com/a","indices":[0,12]}]
#   weight 28
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts twitter-text@3.1.0 >/dev/null 2>&1
node -e '
const { parseTweet, extractUrlsWithIndices } = require("twitter-text");
const text = "x.com例え.jp/a";
const [link] = extractUrlsWithIndices(text);
const { weightedLength } = parseTweet(text);
console.log("links", JSON.stringify([link]));
console.log("weight", weightedLength);
const whole = link.indices[0] === 0 && link.indices[1] === text.length;
process.exit(whole && link.url.length < text.length && weightedLength > 23 ? 0 : 1);
'
