// One saga with its steps, and the button that lets a stuck one go on.
import { html } from "../view.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { words } from "../format.js";
import { Loaded } from "../parts/notices.js";
import { PageHead, Panel } from "../parts/panel.js";
import { SagaSteps } from "../parts/saga_steps.js";
import { Wish } from "../parts/wish.js";

export function Saga({ words: [name, id] }) {
  const saga = useResource(`ops/sagas/${name}/${id}`, { everySeconds: 5 });
  const again = {
    title: "Fold it again", icon: "again", kind: "main", path: `ops/sagas/${name}/${id}/retry`,
    explains: "Repair the cause first. The saga is then folded again from the log; nothing is asked for twice.",
    done: () => "The saga is folded again within a second or two",
    onDone: () => saga.reload(),
  };
  return html`
    <${PageHead} title=${words(name)} lead=${html`<code class="breaks">${id}</code>`}>
      ${name === "order_fulfilment" && html`<a class="button" href=${href(`orders/${id}`)}>Its order</a>`}
      ${name === "product_onboarding" && html`<a class="button" href=${href(`products/${id}`)}>Its product</a>`}
      ${saga.data?.is_stuck && html`<${Wish} ...${again} />`}
    <//>
    <${Panel} title="How far it is"><${Loaded} of=${saga}>${(told) => html`<${SagaSteps} saga=${told} />`}<//><//>`;
}
