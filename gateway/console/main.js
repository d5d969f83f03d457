// Begin: follow the address, follow the log, draw.
import { html, render } from "./view.js";
import { followLinks } from "./router.js";
import { startLive } from "./live.js";
import { App } from "./shell.js";

followLinks();
startLive();
render(html`<${App} />`, document.getElementById("console"));
