// What stands around every page: the way to the others, whether it is live, light or dark, who asks.
import { html, useEffect, useState } from "./view.js";
import { href, path, query } from "./router.js";
import { changeTheme, theme } from "./appearance.js";
import { isRefused, signIn, token } from "./access.js";
import { state as liveState } from "./live.js";
import { useResource } from "./resource.js";
import { PAGES, pageAt } from "./pages/table.js";
import { Icon } from "./parts/icon.js";
import { Status } from "./parts/status.js";
import { Toasts } from "./parts/toasts.js";

const LIVE_WORDS = { open: "Live", connecting: "Connecting", lost: "Reconnecting", refused: "Not live" };

export function App() {
  const found = pageAt(path.value);
  const { title, Page } = found.page;
  const shown = [title, ...found.words].join(" ");
  useEffect(() => { document.title = `${shown} · Leveret`; }, [shown]);
  useFocusOnArrival(path.value);
  return html`
    <a class="skip" href="#page">Skip to the page</a>
    <${Bar} />
    <${Ways} current=${found.page.path} />
    <main id="page" tabindex="-1" key=${path.value}>
      ${isRefused.value && html`<${SignInFirst} />`}
      <${Page} words=${found.words} query=${query.value} />
    </main>
    <${Toasts} />`;
}

/** After a step to another page the keyboard goes on at its heading; at the first one it begins at the top. */
function useFocusOnArrival(place) {
  const [first] = useState(place);
  const [moved, setMoved] = useState(false);
  useEffect(() => {
    if (place === first && !moved) return;
    setMoved(true);
    scrollTo(0, 0);
    document.querySelector("main h1")?.focus({ preventScroll: true });
  }, [place]);
}

function Bar() {
  return html`
    <header class="topbar">
      <a class="mark" href=${href("")}><img src="/console/icon.svg" alt="" width="26" height="26" />Leveret <span>console</span></a>
      <${Status} of=${liveState.value} label=${LIVE_WORDS[liveState.value]} />
      <${Identity} />
      <button class="button quiet" onClick=${changeTheme} aria-label=${`Use ${theme.value === "dark" ? "light" : "dark"} colours`}>
        <${Icon} name=${theme.value === "dark" ? "sun" : "moon"} />
      </button>
    </header>`;
}

function Ways({ current }) {
  const [isOpen, setOpen] = useState(false);
  const contract = useResource("openapi.json"); // says whether this stack has a lab: only those for development do
  const hasLab = Boolean(contract.data?.paths["/cqrs/ops/lab"]);
  const pages = PAGES.filter((page) => page.icon && (page.path !== "lab" || hasLab));
  const now = pages.find((page) => page.path === current.split("/")[0]);
  return html`
    <nav class="ways" aria-label="Pages of the console">
      <button class="button ways-toggle" aria-expanded=${isOpen} aria-controls="ways" onClick=${() => setOpen(!isOpen)}>
        <${Icon} name="menu" />${now?.title ?? "Pages"}
      </button>
      <ul id="ways" class=${isOpen ? "open" : ""}>
        ${pages.map((page) => html`
          <li key=${page.path}><a href=${href(page.path)} aria-current=${page === now ? "page" : undefined} onClick=${() => setOpen(false)}>
            <${Icon} name=${page.icon} />${page.title}</a></li>`)}
        <li class="aside"><a href="/cqrs/docs"><${Icon} name="out" />API</a></li>
      </ul>
    </nav>`;
}

function Identity() {
  const label = token.value ? "Token given" : "Token";
  return html`
    <details class="identity" onKeyDown=${closeOnEscape}>
      <summary class="button quiet"><${Icon} name="key" /><span>${label}</span></summary>
      <div class="popover"><${TokenForm} /></div>
    </details>`;
}

function closeOnEscape(event) {
  if (event.key !== "Escape") return;
  event.currentTarget.open = false;
  event.currentTarget.querySelector("summary").focus();
}

function TokenForm() {
  function submit(event) {
    event.preventDefault();
    signIn(event.target.elements.token.value);
    event.target.closest("details")?.removeAttribute("open");
  }
  return html`
    <form onSubmit=${submit}>
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="off" spellcheck="false" defaultValue=${token.value} />
      <p class="hint">Where the stack asks for one: <code>cqrs token issue --role admin</code>. It is kept in this tab until it is closed.</p>
      <div class="actions"><button class="button main">Use it</button></div>
    </form>`;
}

const SignInFirst = () => html`
  <div class="notice warn" role="alert">
    <${Icon} name="key" />
    <div><strong>This stack asks for a token</strong><p>Make one with <code>cqrs token issue --role admin</code>, and put it under “Token” above.</p></div>
  </div>`;
