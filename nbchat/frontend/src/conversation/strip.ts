// The chat's notices as a strip above the composer: the newest is shown, the others are folded behind it.
import type { Chat } from "../kernel/chat";
import type { Cleanup } from "../page/cleanup";
import { arrange, h, setText } from "../page/dom";
import { keepFocus } from "../page/focus";
import { onceAFrame } from "../page/frame";
import { Views } from "../page/views";
import { NoticeView } from "./notice";

export function strip(chat: Chat, el: HTMLElement): Cleanup {
  const { store } = chat;
  const views = new Views<NoticeView>();
  const list = h("div", { class: "nbchat-notices" });
  const more = h("button", {
    type: "button",
    class: "nbchat-tool nbchat-strip-more",
    "aria-expanded": "false",
  });
  let open = false;
  el.classList.add("nbchat-strip");
  el.setAttribute("role", "group");
  el.ariaLabel = "Notices";
  el.append(list, more);

  const draw = () => {
    const notices = [...store.state.notices].reverse();
    const items = views.of(notices, () => new NoticeView(chat));
    items.forEach((item, index) => item.update(notices[index]));
    items.forEach(({ element }, index) => (element.hidden = !open && index > 0));
    arrange(
      list,
      items.map(({ element }) => element),
    );
    const folded = items.filter(({ element }) => element.hidden).length;
    const fits = notices.length < 2;
    if (fits) open = false;
    setText(more, fits || (folded === 0 && !open) ? "" : open ? "Show less" : `${folded} more`);
    more.ariaExpanded = String(open);
    el.hidden = notices.length === 0;
  };
  // After the last notice, the user goes on in the box.
  const box = () => el.closest(".nbchat-compose")?.querySelector("textarea");
  const drawAll = () => keepFocus(list, draw, box() ?? el);
  more.addEventListener("click", () => {
    open = !open;
    drawAll();
  });
  const unsubscribe = store.subscribe(onceAFrame(drawAll));
  draw();
  return unsubscribe;
}
