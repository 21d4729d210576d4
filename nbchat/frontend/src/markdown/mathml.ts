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
// How long a length may be, in em: a formula that reaches far out of its line covers others.
const MAX_EM = 20;
const MAX_EM_UPWARDS = 5;
const UPWARDS = /^(depth|height|voffset|minsize|maxsize|padding-(top|bottom))$/;
const LENGTHS = /width|lspace|rspace|mathsize|linethickness|padding/;
const IN_EM: Record<string, number> = {
  ...{ em: 1, ex: 0.5, mu: 1 / 18, rem: 1, "%": 0.01 },
  ...{ px: 1 / 14, pt: 1 / 10, pc: 1.2, mm: 0.27, cm: 2.7, in: 7 },
};

/** Returns whether a value holds no length that is too long. */
function fits(name: string, value: string): boolean {
  const upwards = UPWARDS.test(name);
  if (!upwards && !LENGTHS.test(name)) return true;
  const lengths = [...value.matchAll(/([\d.]+)([a-z%]+)/gi)];
  return lengths.every(([, size, unit]) => Number(size) * IN_EM[unit] <= (upwards ? MAX_EM_UPWARDS : MAX_EM));
}

/** Returns a copy of a formula that contains only known MathML. */
export function clean(drawn: Element): Element {
  const copy = document.createElementNS(MATHML, drawn.localName) as MathMLElement;
  for (const name of MATH_ATTRIBUTES.split(" ")) {
    const value = drawn.getAttribute(name);
    if (value !== null && fits(name, value)) copy.setAttribute(name, value);
  }
  const classes = [...drawn.classList].filter((name) => MATH_CLASS.test(name));
  if (classes.length > 0) copy.classList.add(...classes);
  const { style } = drawn as MathMLElement;
  for (const name of style) {
    const value = style.getPropertyValue(name);
    if (MATH_STYLE.test(name) && fits(name, value)) copy.style.setProperty(name, value);
  }
  for (const node of drawn.childNodes) {
    if (node instanceof Text) copy.append(node.data);
    else if (node instanceof Element && node.namespaceURI === MATHML && MATH_TAGS.has(node.localName)) {
      copy.append(clean(node));
    }
  }
  return copy;
}
