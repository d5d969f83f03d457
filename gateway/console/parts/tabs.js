// Several looks at one thing; which one is in the address.
import { html, useRef } from "../view.js";
import { narrow } from "../router.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

/** `tabs` is `[id, title]`; what is chosen stands in the parameter `name`. */
export function Tabs({ tabs, chosen, name, label, children }) {
  const list = useRef(null);
  const ids = tabs.map(([id]) => id);

  function choose(id) {
    narrow({ [name]: id === ids[0] ? null : id }, { replace: true });
  }
  function step(event) {
    const to = ids.at((ids.indexOf(chosen) + (STEPS[event.key] ?? 0)) % ids.length);
    if (!STEPS[event.key]) return;
    event.preventDefault();
    choose(to);
    list.current.querySelector(`#tab-${to}`).focus();
  }
  return html`
    <div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${step}>
      ${tabs.map(([id, title]) => html`
        <button role="tab" id=${`tab-${id}`} key=${id} aria-selected=${id === chosen} aria-controls="tab-panel"
          tabindex=${id === chosen ? 0 : -1} onClick=${() => choose(id)}>${title}</button>`)}
    </div>
    <div role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${chosen}`} tabindex="0">${children}</div>`;
}
