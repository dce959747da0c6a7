import { html } from 'lit-html';
import { call, Problem } from '../api.ts';
import { words } from '../i18n.ts';
import { attempt, type Page, say } from '../page.ts';
import { lastUser, startSession } from '../session.ts';

const DEMO_USERS = 10_000;

export const signInPage: Page = ({ params, signal, draw }) => {
  const w = words();
  const next = new URLSearchParams(params[0]).get('next');
  const asked = next !== null;

  const signIn = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const userId = Number(form.get('user'));
    const scope = form.get('ops') ? 'ops' : undefined;
    attempt(async () => {
      const { data } = await call<{ token: string }>('POST', '/auth/demo-token', {
        body: { userId, ...(scope && { scope }) },
        signal,
      }).catch(noDemo);
      startSession({ userId, scope, token: data.token });
      say(w.welcome(userId));
      location.hash = next ?? '/';
    });
  };

  const pick = () => {
    const field = document.getElementById('user') as HTMLInputElement;
    field.value = String(1 + Math.floor(Math.random() * DEMO_USERS));
    field.focus();
  };

  draw(html`
    <h1 tabindex="-1">${w.signIn}</h1>
    ${asked ? html`<p>${w.signInFirst}</p>` : ''}
    <form class="card narrow" @submit=${signIn}>
      <label for="user">${w.demoUser}</label>
      <input id="user" name="user" type="number" inputmode="numeric" min="1" max=${DEMO_USERS} value=${lastUser()} required aria-describedby="user-hint" />
      <p class="hint" id="user-hint">${w.demoUserHint}</p>
      <button type="button" class="quiet" @click=${pick}>${w.anyUser}</button>
      <label class="check"><input type="checkbox" name="ops" /> ${w.asOperator}</label>
      <button class="main">${w.signIn}</button>
    </form>
  `);
};

/** Without the demo the path for tokens does not exist. */
function noDemo(error: unknown): never {
  if (error instanceof Problem && error.status === 404) throw new Problem(404, 'NO_DEMO');
  throw error;
}
