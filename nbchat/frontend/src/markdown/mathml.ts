// Cleans drawn formulas. They are copied node by node: sanitisers have failed on MathML that is parsed as HTML.
const MATHML = "http://www.w3.org/1998/Math/MathML";
const MATH_TAGS = new Set(
  (
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt " +
    "mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none"
  ).split(" "),
);
const MATH_ATTRIBUTES =
  "accent accentunder depth display displaystyle fence form height largeop linethickness lspace " +
  "mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation rspace " +
  "scriptlevel separator stretchy symmetric voffset width";
const MATH_CLASS = /^(tml-[a-z]+|mathcal|upstrike|downstrike|sout)$/;
const MATH_STYLE =
  /^(border-(top|right|bottom|left)-(color|style|width)|color|math-depth|padding-[a-z]+|width)$/;
// Sizes of a hundred em and more.
const HUGE = /(^|[^.\d])\d{3,}(\.\d+)?[a-z]/;

/** Returns a copy of a formula that contains only known MathML. */
export function clean(drawn: Element): Element {
  const copy = document.createElementNS(MATHML, drawn.localName) as MathMLElement;
  for (const name of MATH_ATTRIBUTES.split(" ")) {
    const value = drawn.getAttribute(name);
    if (value !== null && !HUGE.test(value)) copy.setAttribute(name, value);
  }
  const classes = [...drawn.classList].filter((name) => MATH_CLASS.test(name));
  if (classes.length > 0) copy.classList.add(...classes);
  const { style } = drawn as MathMLElement;
  for (const name of style) {
    const value = style.getPropertyValue(name);
    if (MATH_STYLE.test(name) && !HUGE.test(value)) copy.style.setProperty(name, value);
  }
  for (const node of drawn.childNodes) {
    if (node instanceof Text) copy.append(node.data);
    else if (node instanceof Element && node.namespaceURI === MATHML && MATH_TAGS.has(node.localName)) {
      copy.append(clean(node));
    }
  }
  return copy;
}
