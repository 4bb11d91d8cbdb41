// Elements, made of names and texts. Nothing in the dashboard is ever parsed as HTML: ids, metadata and logs come from whoever may
// write to the database.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element. A member whose name begins with "on" is a listener, the others are attributes; false and null are left out. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Makes an element of SVG. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Sets the text of an element if it is another one: what is selected in it stays selected otherwise. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or removes an attribute, if that changes it. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Has a screen reader say something when it has finished its sentence. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Marks an element as just changed. */
export function mark(element) {
  element.classList.remove("changed");
  // Reading a length makes the browser start the animation anew.
  void element.offsetWidth;
  element.classList.add("changed");
}

let lastId = 0;

/** Returns an id that no other element has. */
export function freshId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}
