# Each refusal leaves one line in the error log at nginx's default level.  The line names the request, the endpoint, rule or
# directive, the value that was compared, and what to do.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaAssertion;
use VcitaCases;

repeat_each(1);

# a client of its own below a path
sub client { return VcitaCases::app(@_) }

my $Locations = VcitaCases::locations()
    . client('iss', 'vcita_oauth_issuer https://right.example;')
    . client('bound', 'vcita_oauth_pkce off;')
    . client('tls', 'vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;', 'vcita_oauth_ssl_trusted_certificate $VCITA_CA_OTHER;')
    . client('told', 'vcita_oauth_userinfo_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;')
    . client('asked', 'vcita_oauth_userinfo on;', 'vcita_oauth_require $vcita_oauth_claim_bussiness_uid b1;')
    . client('unasked', 'vcita_oauth_userinfo off;', 'vcita_oauth_require $vcita_oauth_claim_role staff;')
    . 'location /list { vcita_oauth on; vcita_oauth_require $listed 1; proxy_pass $VCITA_APP; }' . "\n"
    . 'location /part { auth_request /other-people; proxy_pass $VCITA_APP; }' . "\n"
    . 'location /brand { vcita_oauth on; vcita_oauth_authorize_endpoint http://$arg_brand/authorize; proxy_pass $VCITA_APP; }' . "\n";

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(gate => VcitaCases::GATE);
    $block->set_value(config => $Locations);
    $block->set_value(log_level => 'error');
    $block->set_value(error_log => 'vcita');
});

# the lines of the error log since the last look
my $Looked = '';
sub VcitaFlow::Code::new_lines {
    my $log = VcitaFlow::error_log();
    my $from = index($log, $Looked) == 0 ? length $Looked : 0;
    $Looked = $log;
    return split /\n/, substr $log, $from;
}

# A row: what is refused => [ status, code, path of the request, what its line says in order, ... ]; nothing is said of what
# starts again.  A store's own lines have no request.
sub VcitaFlow::Code::is_refused {
    my ($name, $do, $status, $code, $path, @says) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    VcitaFlow::Code::new_lines();
    my $r = $do->();
    my @lines = grep { /, client: / || !/\bvcita_oauth_session_store\b/ } VcitaFlow::Code::new_lines();

    VcitaFlow::is($r->status, $status, "$name: status");
    VcitaFlow::is($r->header('X-Error') // '', $code, "$name: \$vcita_oauth_error");
    VcitaFlow::is(scalar(@lines), @says ? 1 : 0, "$name: lines") or VcitaFlow::diag(join "\n", @lines);
    return if !@says || !@lines;

    my $level = $code eq 'invalid_client' ? 'crit' : 'error';
    my ($said, $context) = $lines[0] =~ m{^\S+ \S+ \[$level\] \d+#\d+: \*\d+ (.*?)(, client: 127\.0\.0\.1, server: .*)$};
    VcitaFlow::like($context // $lines[0], qr{ request: "[A-Z]+ \Q$path\E(?:\?[^" ]*)? HTTP/1\.1"}, "$name: at $level, who and where");
    VcitaFlow::like($said // '', qr/$says[0].*$says[1].*$says[2]/, "$name: who, why, what to do");
    VcitaFlow::cmp_ok(length($said // ''), '<', 500, "$name: no long one");
}

run_tests();

__DATA__

=== TEST 1: at nginx's default level each refusal leaves one line that says who, why and what to do
--- http_config
map $vcita_oauth_claim_role $listed { default 0; }
--- flow
my %case = cases();
my $state = sub { my $b = begun($_[0] // '/deep'); return ($b, $b->res->param('state')) };
my $arrives = sub { my ($query, $path) = @_; sub { my ($b, $s) = $state->($path && "/$path"); $b->get(($path ? "/$path/callback" : '/oauth/callback') . $query =~ s/STATE/$s/r) } };
my $errs = sub { my ($error) = @_; sub { begun('/deep')->come_back(error => $error) } };
my $answers = sub { my (%do) = @_; my $at = delete $do{at} // '/deep'; sub { begun($at)->come_back(code => stub_code(\%do)) } };
my $token = sub { my ($do, @at) = @_; $answers->(token => $do, @at) };
my $identifies = sub { my ($at, %spec) = @_; sub { my $b = begun($at); $b->come_back(code => stub_code({ id_token => id_token($b, %spec) })) } };
my $bears = sub { my ($t) = @_; sub { browser()->get('/token', headers => [ Authorization => "Bearer $t", Accept => 'text/html' ]) } };
my $visits = sub { my ($at, %userinfo) = @_; sub { my $b = begun($at); $b->come_back(code => stub_code({ userinfo => { set => \%userinfo } })); $b->get($at) } };

my $cb = '/oauth/callback';
my $endpoint = qr{token endpoint "http://127\.0\.0\.1:\d+/oauth/token"};
my $userinfo = qr{userinfo endpoint "http://127\.0\.0\.1:\d+/oauth/userinfo"};
my $check = qr{check vcita_oauth_token_endpoint and any proxy};
my $network = qr{check DNS, the firewall, vcita_oauth_http_proxy and vcita_oauth_ssl_trusted_certificate: .};
my $rule = sub { qr{^vcita_oauth_require \$$_[0] in \S+/nginx\.conf:\d+ is not met} };
my $invalid = qr{^vcita callback refused: invalid_state};
my $cut = qr{^vcita callback refused: invalid_callback};
my $bearer = qr{^the Bearer token of the request was refused};

# the callback: what arrives
for ([ 'no login cookie', $case{state_mismatch}, 400, 'state_mismatch', $cb, 'given up after 3 rounds', 'no login cookie came', 'does the browser block cookies' ],
     [ 'another login cookie', sub { my ($b) = begun('/deep'); for (1 .. 2) { $b->set_cookie(vcita_session_login => 'A' x 43); $b->come_back(code => 'x') } $b->set_cookie(vcita_session_login => 'B' x 43); $b->come_back(code => 'x') },
        400, 'state_mismatch', $cb, 'given up after 3 rounds', 'the login cookie differs', 'does another client of this host use the cookie name' ],
     [ 'too old', $case{state_expired}, 400, 'state_expired', '/expired/callback', 'given up after 3 rounds', 'took longer than vcita_oauth_login_timeout', 'raise it or set the clocks of all machines' ],
     [ 'no state', $arrives->('?code=x'), 400, 'invalid_state', $cb, $invalid, 'its state or iss is missing, repeated', 'check that all machines have the same' ],
     [ 'two states', $arrives->('?code=x&state=STATE&state=STATE'), 400, 'invalid_state', $cb, $invalid, 'repeated', 'check that' ],
     [ 'forged', $case{invalid_state}, 400, 'invalid_state', $cb, $invalid, 'changed', 'check that' ],
     [ 'another client\'s', sub { my ($b, $s) = $state->('/iss'); $b->get("$cb?code=x&state=$s") }, 400, 'invalid_state', $cb, $invalid, 'made with another key, client or redirect_uri', 'check that' ],
     [ 'iss', $arrives->('?code=x&state=STATE&iss=https%3A%2F%2Fwrong.example', 'iss'), 400, 'invalid_state', '/iss/callback', $invalid, 'its iss "https://wrong\.example" is not the value of vcita_oauth_issuer', 'compare both with' ],
     [ 'a hostile iss', $arrives->('?code=x&state=STATE&iss=a%0Ab' . 'x' x 1000, 'iss'), 400, 'invalid_state', '/iss/callback', $invalid, 'its iss "" is not', 'compare both' ],
     [ 'access_denied', $case{access_denied}, 403, 'access_denied', $cb ],
     [ 'server_error', $errs->('server_error'), 502, 'server_error', $cb, 'the authorize endpoint', 'refused the login with "server_error"', 'log \$vcita_oauth_error_description' ],
     [ 'invalid_scope', $errs->('invalid_scope'), 502, 'invalid_scope', $cb, 'the authorize endpoint', '"invalid_scope"', 'each scope of vcita_oauth_scope' ],
     [ 'invalid_request', $errs->('invalid_request'), 502, 'invalid_request', $cb, 'the authorize endpoint', '"invalid_request"', 'try "vcita_oauth_pkce off"' ],
     [ 'unauthorized_client', $errs->('unauthorized_client'), 502, 'unauthorized_client', $cb, 'the authorize endpoint', '"unauthorized_client"', 'check that the app at vcita' ],
     [ 'redirect_uri_mismatch', $errs->('redirect_uri_mismatch'), 502, 'redirect_uri_mismatch', $cb, 'the authorize endpoint', '"redirect_uri_mismatch"', 'register vcita_oauth_redirect_uri' ],
     [ 'no code at all', $case{other}, 502, 'other', $cb, 'the authorize endpoint', '"other"', 'log \$vcita_oauth_error_description' ],
     [ 'no code', $arrives->('?state=STATE'), 400, 'invalid_callback', $cb, $cut, 'its code is missing', 'check what changes the query' ],
     [ 'an empty code', $arrives->('?code=&state=STATE'), 400, 'invalid_callback', $cb, $cut, 'its code is missing', 'check what changes the query' ],
     [ 'two codes', $arrives->('?code=a&code=b&state=STATE'), 400, 'invalid_callback', $cb, $cut, 'repeated', 'check what changes the query' ],
     [ 'two errors', $arrives->('?error=a&error=b&state=STATE'), 400, 'invalid_callback', $cb, $cut, 'its error is repeated', 'check what changes the query' ],
     [ 'moved', $case{callback_elsewhere}, 400, 'callback_elsewhere', '/callback', 'arrived at "/callback" instead of', '"/oauth/callback"', 'check whether a proxy or a rewrite' ],
     [ 'no host', $case{invalid_host}, 400, 'invalid_host', '/host', 'vcita_oauth_redirect_uri', 'has no valid host for this request', 'check the variables in it' ],
     [ 'no host at the callback', sub { browser()->get('/host/callback?host=a/b&code=x&state=x') }, 400, 'invalid_host', '/host/callback', 'invalid_host', 'no valid vcita_oauth_redirect_uri', 'check the variables in it' ],
     [ 'no host of vcita', sub { browser()->get('/brand?brand=a/b') }, 400, 'invalid_host', '/brand', 'vcita_oauth_authorize_endpoint', 'has no valid host for this request', 'check the variables in it' ],
     [ 'a POST', sub { browser()->post($cb, {}) }, 405, '', $cb ])
{
    is_refused(@$_);
}

# the callback: what vcita answers
for ([ 'invalid_grant', $case{invalid_grant}, 502, 'invalid_grant', $cb, 'given up after 3 rounds: invalid_grant', $endpoint, 'compare vcita_oauth_redirect_uri' ],
     [ 'invalid_client', $case{invalid_client}, 502, 'invalid_client', $cb, $endpoint, 'status 401, error "invalid_client"', 'check vcita_oauth_client_id and vcita_oauth_client_secret' ],
     [ '429', $case{rate_limited}, 503, 'rate_limited', $cb ],
     [ 'another status', $token->({ status => 500, body => 'x' }), 502, 'bad_token_response', $cb, $endpoint, 'status 500', $check ],
     [ 'another error', $token->({ status => 400, json => { error => 'unsupported_grant_type' } }), 502, 'unsupported_grant_type', $cb, $endpoint, 'status 400, error "unsupported_grant_type"', 'log \$vcita_oauth_error_description' ],
     [ 'a wrong endpoint', $token->({ status => 404, body => '<html>' }), 502, 'bad_token_response', $cb, $endpoint, 'status 404', $check ],
     [ 'a redirect', $token->({ status => 302, body => '', headers => { Location => 'http://127.0.0.1:1/' } }), 502, 'bad_token_response', $cb, $endpoint, 'status 302', $check ],
     [ 'a firewall', $token->({ status => 403, body => '<html>' }), 502, 'bad_token_response', $cb, $endpoint, 'status 403', 'a firewall .* have it allow' ],
     [ 'no JSON', $token->({ body => '<html>' }), 502, 'bad_token_response', $cb, $endpoint, 'status 200', $check ],
     [ 'a member twice', $token->({ body => '{"access_token":"a","access_token":"a","token_type":"bearer"}' }), 502, 'bad_token_response', $cb, $endpoint, 'status 200', $check ],
     [ 'no token', $token->({ omit => ['access_token'] }), 502, 'bad_token_response', $cb, $endpoint, 'status 200', $check ],
     [ 'no b64token', $token->({ set => { access_token => 'a b' } }), 502, 'bad_token_response', $cb, $endpoint, 'status 200', $check ],
     [ 'a control byte', $token->({ set => { scope => "a\nb" } }), 502, 'bad_token_response', $cb, $endpoint, 'status 200', $check ],
     [ 'another type', $token->({ set => { token_type => 'mac' } }), 502, 'bad_token_response', $cb, $endpoint, 'status 200', $check ],
     [ 'a negative time', $token->({ set => { expires_in => -1 } }), 502, 'bad_token_response', $cb, $endpoint, 'status 200', $check ],
     [ 'cut short', $token->({ truncate => 20 }), 502, 'bad_token_response', $cb, $endpoint, 'incomplete or too large', 'check its address and any proxy' ],
     [ 'too large', sub { begun('/deep')->come_back(code => stub->prepare({ token => { body => 'x' x 70_000 } })) }, 502, 'bad_token_response', $cb, $endpoint, 'incomplete or too large', 'check its address and any proxy' ],
     [ 'refused', $case{unreachable}, 502, 'unreachable', '/unreachable/callback', 'token endpoint ".*"', 'is unreachable', $network ],
     [ 'no trust', $answers->(at => '/tls'), 502, 'unreachable', '/tls/callback', 'token endpoint "https:.*"', 'is unreachable', $network ],
     [ 'silence', $case{timeout}, 504, 'timeout', $cb, $endpoint, 'did not respond in time', 'check the network and vcita_oauth_timeout' ],
     [ 'aud', $identifies->('/deep', set => { aud => 'another' }), 502, 'bad_id_token', $cb, $endpoint, 'its aud or azp is not the value of vcita_oauth_client_id', 'check that it is the app of the secret' ],
     [ 'azp', $identifies->('/deep', set => { azp => 'another' }), 502, 'bad_id_token', $cb, $endpoint, 'its aud or azp is not', 'check that' ],
     [ 'another iss', $identifies->('/iss', set => { iss => 'https://wrong.example' }), 502, 'bad_id_token', '/iss/callback', $endpoint, 'its iss is not the value of vcita_oauth_issuer', 'compare both' ],
     [ 'nonce', $identifies->('/deep', set => { nonce => 'x' }), 502, 'bad_id_token', $cb, $endpoint, 'its nonce is not the one of this login', 'check vcita_oauth_token_endpoint' ],
     [ 'exp', $identifies->('/deep', set => { exp => 1 }), 502, 'bad_id_token', $cb, $endpoint, 'it has expired', 'check the clock' ],
     [ 'iat', $identifies->('/deep', set => { iat => time + 600 }), 502, 'bad_id_token', $cb, $endpoint, 'its iat is missing or in the future', 'check the clock' ],
     [ 'alg none', $identifies->('/deep', header => { alg => 'none' }), 502, 'bad_id_token', $cb, $endpoint, 'it is not signed', 'check vcita_oauth_token_endpoint' ],
     [ 'no JWT', $token->({ set => { id_token => 'x' } }), 502, 'bad_id_token', $cb, $endpoint, 'it is not a JWT of three parts', 'check vcita_oauth_token_endpoint' ],
     [ 'no sub', $identifies->('/deep', omit => ['sub']), 502, 'bad_id_token', $cb, $endpoint, 'it has no sub', 'check vcita_oauth_token_endpoint' ],
     [ 'no id_token', $answers->(at => '/bound'), 502, 'bad_id_token', '/bound/callback', 'the token endpoint returned no id_token', '"vcita_oauth_pkce off" requires', 'add openid to vcita_oauth_scope' ],
     [ 'userinfo: 401', $answers->(userinfo => { status => 401 }), 502, 'bad_userinfo', $cb, $userinfo, 'no "sub" \(status 401', 'check that vcita_oauth_scope has openid' ],
     [ 'userinfo: 404', $answers->(userinfo => { status => 404, body => 'x' }), 502, 'bad_userinfo', $cb, $userinfo, 'no "sub" \(status 404', 'check vcita_oauth_userinfo_endpoint' ],
     [ 'userinfo: no sub', $answers->(userinfo => { omit => ['sub'] }), 502, 'bad_userinfo', $cb, $userinfo, 'no "sub" \(status 200', 'check vcita_oauth_userinfo_endpoint' ],
     [ 'userinfo: silence', $answers->(userinfo => { hang => 1 }), 502, 'bad_userinfo', $cb, $userinfo, 'did not respond in time', 'check the network and vcita_oauth_timeout' ],
     [ 'userinfo: unreachable', $answers->(at => '/told'), 502, 'bad_userinfo', '/told/callback', 'userinfo endpoint ".*"', 'is unreachable', $network ],
     [ 'userinfo: another sub', sub { my $b = begun('/asked'); $b->come_back(code => stub_code({ id_token => id_token($b), userinfo => { set => { sub => 'x' } } })) }, 502, 'bad_userinfo', '/asked/callback', $userinfo, 'another "sub" than the id_token', 'check vcita_oauth_userinfo_endpoint' ],
     [ 'a large token', $case{session_too_large}, 502, 'session_too_large', $cb, 'the session', 'exceeds 3800 bytes of cookie', 'set a server-side vcita_oauth_session_store' ],
     [ 'a large claim of a rule', $answers->(userinfo => { set => { email => 'x' x 1100 } }), 502, 'session_too_large', $cb, 'the session', 'cannot keep the claim "email" \(1100 bytes\)', 'vcita_oauth_session_store' ],
     [ 'the store, at the callback', $answers->(at => '/store'), 503, 'store_unavailable', '/store/callback', 'session store "redis://127.0.0.1:\d+"', 'is unavailable', 'check that it is running' ])
{
    is_refused(@$_);
}

# the gate
for ([ 'a rule', $visits->('/other-people'), 403, 'not_allowed', '/other-people', $rule->('vcita_oauth_claim_email'), 'by "alice@example\.biz" of account "alice@example\.biz"', 'add this value or sign in with another account' ],
     [ 'a long value', $visits->('/other-people', email => 'x' x 1000), 403, 'not_allowed', '/other-people', $rule->('vcita_oauth_claim_email'), 'by "x{128}" of account "x{128}"', 'add this value' ],
     [ 'a misspelt claim', $visits->('/asked'), 403, 'not_allowed', '/asked', $rule->('vcita_oauth_claim_bussiness_uid'), 'the session of account "alice@example\.biz" has no claim "bussiness_uid"', 'check its name' ],
     [ 'a claim that vcita was not asked for', sub { my $b = begun('/unasked'); $b->come_back(code => stub_code({ id_token => id_token($b) })); $b->get('/unasked') }, 403, 'not_allowed', '/unasked', $rule->('vcita_oauth_claim_role'), 'of account "[^"]+" has no claim "role"', 'set "vcita_oauth_userinfo on"' ],
     [ 'no claim at all', sub { my $b = begun('/unasked'); $b->come_back(code => stub_code); $b->get('/unasked') }, 403, 'not_allowed', '/unasked', $rule->('vcita_oauth_claim_role'), 'of account "" has no claim "role"', 'set "vcita_oauth_userinfo on"' ],
     [ 'a rule on another variable', $visits->('/list'), 403, 'not_allowed', '/list', $rule->('listed'), 'by account "alice@example\.biz"', 'log this variable' ],
     [ 'a subrequest', sub { my $b = begun('/deep'); $b->come_back(code => stub_code); $b->get('/part') }, 403, '', '/part', $rule->('vcita_oauth_claim_email'), 'by "alice', 'sign in with another account' ],
     [ 'a sign-in that is too old', $case{login_required}, 403, 'login_required', $cb, $endpoint, 'auth_time is older than vcita_oauth_max_age 1 s', 'check that vcita honours "prompt=login"' ],
     [ 'a session that is lost', $case{session_lost}, 400, 'session_lost', '/deep', '3 logins within 60 seconds', 'cookie "vcita_session"', 'does the browser block cookies' ],
     [ 'the store', $case{store_unavailable}, 503, 'store_unavailable', '/store', 'session store "redis://127.0.0.1:\d+"', 'is unavailable', 'check that it is running' ],
     [ 'a script', sub { browser()->post('/deep', {}) }, 401, '', '/deep' ],
     [ 'an opaque token', $bears->('x'), 401, 'invalid_token', '/token', $bearer, 'it is not a compact JWS', 'send the token that getAuth returns' ],
     [ 'another alg', $bears->(signed_token('rsa', { alg => 'HS256' })), 401, 'invalid_token', '/token', $bearer, 'its alg is not RS256', 'send the token' ],
     [ 'another iss of a token', $bears->(signed_token('rsa', {}, { iss => 'x' })), 401, 'invalid_token', '/token', $bearer, 'its iss is not "intandem"', 'send the token' ],
     [ 'another aud of a token', $bears->(signed_token('rsa', {}, { aud => 'x' })), 401, 'invalid_token', '/token', $bearer, 'its aud is not', 'add the app_code_name of the app' ],
     [ 'a token that has expired', $bears->(signed_token('rsa', {}, { exp => 1 })), 401, 'invalid_token', '/token', $bearer, 'it has expired', 'check the clock' ])
{
    is_refused(@$_);
}

# no request has the keys for itself
new_lines();
is $case{keys_unavailable}->()->status, 503, 'no keys';
my @lines = new_lines();
is scalar(@lines), 1, 'no keys: one line';
like $lines[0], qr{jwks endpoint "http://127\.0\.0\.1:\d+/" is unreachable, $network}, 'no keys: who, why, what to do';


=== TEST 2: no hostile iss and no hostile claim makes a line, or a part of one, in the error log
--- http_config
map $vcita_oauth_claim_role $listed { default 0; }
--- flow
new_lines();
my @hostile = ("x\"\n2026/12/02 00:00:00 [error] 1#1: *1 forged", "x\" is not met, client: 6.6.6.6", "\x1b[2Jforged", "\x{9b}2Jforged", "\x{202e}forged", "\x{61c}forged",
               "\x{2028}forged", "\x{feff}forged", "\\x0aforged", "\x{e0041}forged");
my @bytes = (map({ my $text = $_; utf8::encode($text); $text } @hostile), "\xed\xa0\x80forged", "\xc2", "forged\xff", "\xf4\x90\x80\x80");
for my $iss (@bytes) {
    my $b = begun('/iss');
    is $b->get('/iss/callback?code=x&state=' . $b->res->param('state') . '&iss=' . escape($iss))->status, 400, 'refused';
    my @lines = new_lines();
    is scalar(@lines), 1, 'one line';
    like $lines[0], qr/: invalid_state, its iss "" is not the value of vcita_oauth_issuer/, 'which does not show it';
}

# cut at 128 bytes, between two letters
for ([ 'x' x 10_240, 'x' x 128 ], [ "\xd7\x9c" x 200, "\xd7\x9c" x 64 ], [ 'x' . "\xd7\x9c" x 200, 'x' . "\xd7\x9c" x 63 ]) {
    my ($iss, $shown) = @$_;
    next if length escape($iss) > 6000;
    my $b = begun('/iss');
    $b->get('/iss/callback?code=x&state=' . $b->res->param('state') . '&iss=' . escape($iss));
    like join("\n", new_lines()), qr/, its iss "\Q$shown\E" is not/, 'cut';
}

for my $email (@hostile) {
    my $b = begun('/other-people');
    my $r = $b->come_back(code => stub_code({ userinfo => { set => { email => $email, sub => 'someone' } } }));
    unlike join("\n", new_lines()), qr/forged|6\.6\.6\.6/, 'a login';
    next if $r->status == 502 && $email =~ /[\x00-\x1f]/;

    is $b->get('/other-people')->status, 403, 'not allowed';
    my @lines = new_lines();
    is scalar(@lines), 1, 'one line';
    like $lines[0], qr/ is not met (?:by "" of account "(?:someone)?"|because the session of account "(?:someone)?" has no claim "email"), \w/, 'which does not show it';
    unlike $lines[0], qr/forged|6\.6\.6\.6/, 'nor a part of it';
}
