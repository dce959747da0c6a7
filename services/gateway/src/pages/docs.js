// The page /docs: Swagger UI, and a form that gets a demo token for it.
const ui = window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#ui',
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
  // The document is validated where it is generated; no other server is asked.
  validatorUrl: null,
});

const form = document.getElementById('session');
const told = document.getElementById('told');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const userId = Number(fields.get('userId'));
  const answer = await fetch('/auth/demo-token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(fields.get('ops') ? { userId, scope: 'ops' } : { userId }),
  });
  const body = await answer.json();
  if (answer.ok) ui.preauthorizeApiKey('bearer', body.token);
  told.textContent = answer.ok
    ? `user ${userId}${fields.get('ops') ? ', operator' : ''}, until ${new Date(body.expiresAt).toLocaleTimeString()}`
    : answer.status === 404
      ? 'No demo here: use Authorize with a token of your own.'
      : (body.detail ?? body.title);
});
