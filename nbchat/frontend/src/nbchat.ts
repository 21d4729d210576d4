// The bundle: what draws one of the kernel's chats, wherever it is shown.
import type { Widget } from "./kernel/anywidget";
import { Chat } from "./kernel/chat";
import { adopt, onceAttached } from "./page/adopt";
import { together, type Cleanup } from "./page/cleanup";
import { viewAt } from "./places";
import { styles } from "./styles";

/** Makes the widget of one chat. */
export function chat(): Widget {
  let chat: Chat;
  return {
    initialize({ model }): Cleanup {
      chat = new Chat(model);
      return () => chat.close();
    },
    render({ el, fail }): Cleanup {
      let end: Cleanup | undefined;
      const unwait = onceAttached(el, () => {
        try {
          adopt(el, styles, chat.store.state.labels);
          end = viewAt(el)(chat, el);
        } catch (error) {
          fail(error);
        }
      });
      return together(unwait, () => end?.());
    },
  };
}

// For the tests.
export { toMarkdown } from "./conversation/markdown-copy";
export { harmless } from "./markdown/harmless";
export { MarkdownStream, render } from "./markdown/markdown";
export { setHTML } from "./markdown/sanitize";
