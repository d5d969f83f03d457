// An address that no page has.
import { html } from "../view.js";
import { href } from "../router.js";
import { Empty } from "../parts/notices.js";
import { PageHead } from "../parts/panel.js";

export const Nowhere = () => html`
  <${PageHead} title="Nothing here" />
  <${Empty} title="No page of the console has this address">
    <a href=${href("")}>The overview</a> leads to all of them.
  <//>`;
