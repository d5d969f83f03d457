// A command as a button: its fields in a dialog, sent under one key until there is an answer.
import { html, useRef, useState, useId } from "../view.js";
import { send } from "../api.js";
import { Icon } from "./icon.js";
import { Trouble } from "./notices.js";
import { say } from "./toasts.js";

/**
 * @typedef {{name: string, title: string, type?: string, value?: any, isNeeded?: boolean, hint?: string,
 *            options?: string[], attributes?: object}} Field
 * @param {{title: string, label?: string, explains?: string, icon?: string, kind?: string, fields?: Field[],
 *          method?: string, path: string, body?: (values: object) => any, onDone?: (answer: any) => void,
 *          done?: (answer: any) => string}} wish
 * `body` makes what is sent of the fields' values; without it nothing is sent but the path.
 */
export function Wish(wish) {
  const dialog = useRef(null);
  const [asked, setAsked] = useState(null);
  function open() {
    setAsked({ key: crypto.randomUUID(), problem: null, isSending: false });
    dialog.current.showModal();
  }
  return html`
    <button class=${`button ${wish.kind ?? ""}`} onClick=${open}>
      ${wish.icon && html`<${Icon} name=${wish.icon} />`}${wish.label ?? wish.title}
    </button>
    <dialog ref=${dialog} class="wish" aria-label=${wish.title} onClose=${() => setAsked(null)}>
      ${asked && html`<${Form} wish=${wish} asked=${asked} setAsked=${setAsked} close=${() => dialog.current.close()} />`}
    </dialog>`;
}

function Form({ wish, asked, setAsked, close }) {
  const fields = wish.fields ?? [];
  async function submit(event) {
    event.preventDefault();
    setAsked({ ...asked, isSending: true, problem: null });
    const values = valuesOf(event.target, fields);
    try {
      const answer = await send(wish.method ?? "POST", wish.path, wish.body?.(values), { key: asked.key });
      close();
      say(wish.done?.(answer) ?? `${wish.title}: done`);
      wish.onDone?.(answer);
    } catch (problem) {
      const isAnswered = problem.status >= 400 && problem.status < 500; // else it may have been done: the same key again
      setAsked({ ...asked, isSending: false, problem, key: isAnswered ? crypto.randomUUID() : asked.key });
    }
  }
  return html`
    <form onSubmit=${submit}>
      <h2>${wish.title}</h2>
      ${wish.explains && html`<p>${wish.explains}</p>`}
      ${fields.map((field) => html`<${Input} field=${field} key=${field.name} />`)}
      ${asked.problem && html`<${Trouble} problem=${asked.problem} />`}
      <div class="actions">
        <button type="button" class="button" onClick=${close}>Not now</button>
        <button class=${`button ${wish.kind === "danger" ? "danger" : "main"}`} disabled=${asked.isSending}>${asked.isSending ? "Sending…" : wish.title}</button>
      </div>
    </form>`;
}

function Input({ field }) {
  const id = useId();
  const { name, title, type = "text", value, isNeeded = false, hint, options, attributes = {} } = field;
  const given = { id, name, required: isNeeded, "aria-describedby": hint ? `${id}-hint` : undefined, ...attributes };
  const control = options
    ? html`<select ...${given}>${options.map((option) => html`<option selected=${option === value}>${option}</option>`)}</select>`
    : type === "checkbox"
      ? html`<input type="checkbox" ...${given} defaultChecked=${value} />`
      : html`<input type=${type} ...${given} defaultValue=${value ?? ""} autocomplete="off" />`;
  return html`
    <div class=${`field ${type}`}>
      <label for=${id}>${title}${isNeeded || type === "checkbox" ? "" : html` <small>optional</small>`}</label>
      ${control}
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    </div>`;
}

/** By name; what was left empty is null. */
function valuesOf(form, fields) {
  const read = {
    checkbox: (input) => input.checked,
    number: (input) => (input.value === "" ? null : Number(input.value)),
  };
  const text = (input) => input.value.trim() || null;
  return Object.fromEntries(fields.map(({ name, type }) => [name, (read[type] ?? text)(form.elements[name])]));
}
