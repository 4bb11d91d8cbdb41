// Addresses of the dashboard's own pages. They are relative, so that it works below any path, and ids are parameters: an id may hold
// slashes and dots, which a browser would resolve in a path.

/** Returns the address of a page with parameters; empty ones are left out. */
export function pageAddress(page, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  const path = page === "runs" ? "./" : page;
  return query.size > 0 ? `${path}?${query}` : path;
}

export const runAddress = (id) => pageAddress("run", { id });
export const taskAddress = (name) => pageAddress("task", { name });

/** Reads which page the address of the browser names, and its parameters. */
export function currentPage() {
  const url = new URL(location.href);
  const last = url.pathname.split("/").at(-1);
  return { page: last === "" ? "runs" : last, parameters: url.searchParams };
}
