// Keys as words: `processedRows`, `processed_rows` and `processed-rows` are the same (cli/src/live/words.rs).

const UPPER = /\p{Lu}/u;
const LOWER = /[\p{Ll}\p{N}]/u;
const WORD = /[\p{Alphabetic}\p{N}]/u;

/** Splits a key into words in lower case. */
export function words(key) {
  const found = [];
  let word = "";
  let isBehindLower = false;
  for (const letter of key) {
    const isPart = WORD.test(letter);
    if (word !== "" && (!isPart || (isBehindLower && UPPER.test(letter)))) {
      found.push(word);
      word = "";
    }
    if (isPart) word += letter.toLowerCase();
    isBehindLower = LOWER.test(letter);
  }
  if (word !== "") found.push(word);
  return found;
}
