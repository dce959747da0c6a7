import { html, render } from 'lit-html';
import { onWaiting } from './api.ts';
import { pieces } from './basket.ts';
import { chooseLanguage, language, otherLanguage, words } from './i18n.ts';
import { loadBasket, watchOtherTabs } from './kept-basket.ts';
import { say, showWait } from './page.ts';
import { pages } from './pages.ts';
import { createRouter, currentPath, refugeFrom } from './router.ts';
import { endSession, session } from './session.ts';

const app = document.getElementById('app');
if (!app) throw new Error('the page has no #app');

/** Draws the frame of every page. lit-html leaves <main> alone: the router fills it. */
function frame(): void {
  const w = words();
  const user = session();
  document.documentElement.lang = language();
  const other = otherLanguage();
  const inBasket = pieces(loadBasket());
  const link = (path: string, text: string, label = text) =>
    html`<li><a href="#${path}" aria-label=${label} aria-current=${isHere(path) ? 'page' : 'false'}>${text}</a></li>`;
  render(
    html`
      <a class="skip" href="#main" @click=${skip}>${w.skip}</a>
      <header class="top">
        <a class="brand" href="#/"><img src="/shop/icon.svg" alt="" width="32" height="32" />${w.title}</a>
        <nav aria-label=${w.nav}>
          <ul>
            ${link('/', w.products)} ${link('/coupon-rush', w.couponRush)} ${link('/orders', w.orders)}
            ${link('/coupons', w.coupons)} ${link('/points', w.points)}
            ${user?.scope === 'ops' ? html`${link('/rush-hour', w.rushHour)} ${link('/end-coupons', w.endCoupons)} ${link('/stock', w.stock)} ${link('/how-it-stands', w.howItStands)}` : ''}
          </ul>
        </nav>
        <div class="tools">
          <a class="button" href="#/basket" aria-label=${w.basketOf(inBasket)} aria-current=${isHere('/basket') ? 'page' : 'false'}
            >${w.basket} <span class="badge" aria-hidden="true">${inBasket}</span></a
          >
          <button class="quiet" lang=${other.code} @click=${() => switchTo(other.code)}>${other.words.language}</button>
          ${
            user
              ? html`<span class="who">${w.signedInAs(user.userId)}${user.scope ? ` · ${w.operator}` : ''}</span>
                  <button class="quiet" @click=${endSession}>${w.signOut}</button>`
              : html`<a class="button quiet" href="#/sign-in">${w.signIn}</a>`
          }
        </div>
      </header>
      <p class="notice" ?hidden=${navigator.onLine} role="alert">${w.offline}</p>
      <main id="main" tabindex="-1"></main>
    `,
    app as HTMLElement,
  );
}

function isHere(path: string): boolean {
  const here = currentPath();
  return path === '/' ? here === '/' : here.startsWith(path);
}

/** Handles the skip link by script: the fragment belongs to the router, and a link to #main would leave the page. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function switchTo(code: ReturnType<typeof language>): void {
  chooseLanguage(code);
  say('');
  frame();
  router.open();
}

frame();
const main = document.getElementById('main');
if (!main) throw new Error('the frame has no main');
const router = createRouter({
  routes: pages,
  outlet: main,
  mayOpen: ({ user }) => !user || session() !== undefined,
  refuge: '/sign-in',
  opened: frame,
  missing: ({ draw }) => draw(html`<h1 tabindex="-1">${words().notFound}</h1>`),
});

onWaiting(showWait);
for (const change of ['online', 'offline', 'basket']) addEventListener(change, frame);
watchOtherTabs();
// The end of a session closes pages that need one.
addEventListener('session', () => {
  frame();
  if (session() === undefined) router.open();
});
addEventListener('session-expired', () => {
  if (!currentPath().startsWith('/sign-in')) location.hash = refugeFrom(currentPath(), '/sign-in');
});
router.open();
