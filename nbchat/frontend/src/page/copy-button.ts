// A button that copies something, and says for a moment that it did.
import { COPY_KEYS, copyText } from "./clipboard";
import { icon, iconButton, rename } from "./icon";

const MOMENT_MS = 2000;

/** Makes a button called `name`; `text` returns what it copies: the content of `element`, in some form. */
export function copyButton(name: string, element: Element, text: () => string): HTMLButtonElement {
  const button = iconButton(name, "copy");
  button.classList.add("nbchat-copy");
  const say = (said: string, shown: Node | string) => {
    button.replaceChildren(shown);
    rename(button, said);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  button.addEventListener("click", async () => {
    const how = await copyText(text(), element);
    if (how === "copied") say("Copied", icon("check"));
    else say(`Press ${COPY_KEYS} to copy`, `Press ${COPY_KEYS}`);
    clearTimeout(timer);
    timer = setTimeout(() => say(name, icon("copy")), MOMENT_MS);
  });
  return button;
}
