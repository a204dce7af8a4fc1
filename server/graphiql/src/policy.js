// What the page's policy asks of libraries that know nothing of it. A script of its own, which runs before them.
const nonce = document.querySelector("script[nonce]").nonce;

// Monaco and Radix make style elements.
const createElement = document.createElement;
document.createElement = function (name, ...rest) {
  const element = createElement.call(this, name, ...rest);
  if (String(name).toLowerCase() === "style") element.setAttribute("nonce", nonce);
  return element;
};

// Monaco writes lines as HTML with style attributes, which the policy refuses; set by script they are allowed.
const TAG = /<[a-z][^<>]*>/gi;
const STYLE = /(\s)style=/gi;

function withoutStyles(html) {
  return String(html).replace(TAG, (tag) => tag.replace(STYLE, "$1data-style="));
}

function applyStyles(root) {
  for (const element of root.querySelectorAll("[data-style]")) {
    element.style.cssText = element.dataset.style;
    element.removeAttribute("data-style");
  }
}

const { get, set } = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML");
Object.defineProperty(Element.prototype, "innerHTML", {
  configurable: true,
  get,
  set(html) {
    set.call(this, withoutStyles(html));
    applyStyles(this);
  },
});
const insertAdjacentHTML = Element.prototype.insertAdjacentHTML;
Element.prototype.insertAdjacentHTML = function (place, html) {
  insertAdjacentHTML.call(this, place, withoutStyles(html));
  applyStyles(this.parentElement ?? this);
};
