// The provider as a team would run it: one client, strict where the standard lets it be. Its own pages for signing in
// take any password. `settings` come as JSON in the first argument; "ready" is said when it listens.
import Provider from 'oidc-provider';

const { port, clientId, clientSecret, redirectUri, signedOutUri, people } = JSON.parse(process.argv[2]);

const provider = new Provider(`http://localhost:${port}`, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [signedOutUri],
    response_types: ['code'],
    grant_types: ['authorization_code'],
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  // Claims of scopes are told at the userinfo endpoint alone, as OpenID Connect Core, section 5.4 has it.
  conformIdTokenClaims: true,
  pkce: { required: () => true },
  findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  cookies: { keys: ['a key of the tests'] },
});
provider.on('server_error', (_, error) => console.error(error));
provider.listen(port, 'localhost', () => console.log('ready'));
