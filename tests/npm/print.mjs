// A line of JSON for each thing that the test compares.
export const print = (what, value) => console.log(JSON.stringify({ [what]: value }));

/** Prints the status and the text of what a promise fails with. */
export async function refused(what, promise) {
  try {
    print(what, { succeeded: await promise });
  } catch (error) {
    print(what, { status: error.status, error: error.error?.error ?? error.message });
  }
}

// A program that waits for what never comes would stop the whole suite.
setTimeout(() => {
  console.log("this program has waited for four minutes");
  process.exit(1);
}, 240_000).unref();
