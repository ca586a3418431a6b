# Bytes that want to become something else: headers out of claims, tokens and errors, markup in pages, cookies
# in hundreds, requests behind requests.  After what was found in mod_auth_openidc (cookies of semicolons, error
# texts in pages, content behind a POST), oauth2-proxy (queries taken for paths, headers of proxies) and others.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

my $GATED = <<'E2';
location / {
    vcita_oauth on;
    add_header X-Error $vcita_oauth_error always;
    add_header X-Email $vcita_oauth_claim_email always;
    add_header X-Name $vcita_oauth_claim_name always;
    add_header X-Scope $vcita_oauth_scope always;
    add_header X-Description $vcita_oauth_error_description always;
    proxy_set_header X-Forwarded-User $vcita_oauth_claim_email;
    proxy_set_header X-Name $vcita_oauth_claim_name;
    proxy_set_header Authorization "Bearer $vcita_oauth_access_token";
    proxy_pass $VCITA_APP;
}
E2

Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(config => $GATED) if !defined $block->config;
});

# what came back for bytes: the status of each answer on the connection, and all of it
sub VcitaFlow::Code::sent {
    my ($bytes, %opt) = @_;
    my $r = VcitaFlow::browser()->raw('127.0.0.1', VcitaFlow::port(), $bytes, timeout => 20, %opt);
    return ([ $r->body =~ m{^HTTP/1\.\d (\d+)}mg ], $r->body);
}

sub VcitaFlow::Code::request {
    my ($line, @h) = @_;
    return join "\r\n", "$line HTTP/1.1", (grep({ /^Host:/ } @h) ? () : 'Host: 127.0.0.1:' . VcitaFlow::port()), @h, '', '';
}

# a session, as a Cookie line
sub VcitaFlow::Code::session {
    my ($url) = @_;
    my $b = VcitaFlow::browser();
    $b->visit(VcitaFlow::url($url // '/'));
    return $b->cookie('vcita_session') // die "no session\n";
}

sub VcitaFlow::Code::upstream { return scalar VcitaFlow::stub()->app_requests }

run_tests();

__DATA__

=== TEST 1: header splitting by claims, scope, token and token_type: what has a control byte is not there, or the answer is refused
--- error_log
vcita
--- flow
for my $bad ("a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\0X-Evil: 1", "a\r\n\r\n<script>", "\x{85}X-Evil: 1", "\x{2028}X-Evil: 1", "\x{560d}\x{560a}X-Evil: 1", "a\x0bX-Evil: 1\x7f") {
    my $name = encode_json([$bad]);
    my $b = begun('/');
    $b->come_back(code => stub_code({ userinfo => { set => { email => $bad, name => $bad } } }));
    my $r = $b->get(url('/'));
    is $r->status, 200, "$name: in";
    is scalar($r->header('X-Evil')), undef, 'no header in the answer';
    is scalar(grep { lc $_->[0] eq 'x-evil' } @{ $r->json->{headers} }), 0, 'nor to the application';
    is $r->header('X-Email'), undef, 'the claim is not there' if $bad =~ /[\x00-\x1f\x7f]/;

    next if $bad !~ /[\x00-\x1f\x7f]/;
    for my $member (qw( scope token_type access_token )) {
        $b = begun('/');
        $r = $b->come_back(code => stub_code({ token => { set => { $member => $bad } } }));
        is $r->status, 502, "$name as $member: refused";
        is scalar($r->header('X-Evil')), undef, 'no header in the answer';
        is $b->get(url('/'))->status, 302, 'no session';
    }
}

=== TEST 2: header splitting and markup by vcita's errors: as parameters, as JSON, as headers
--- error_log
vcita
--- flow
my @bad = ("x\r\nX-Evil: 1", "x%0d%0aX-Evil: 1", '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'onmouseover='alert(1)", '</title><script>', '&lt;script&gt;', "\0<b>",
    '{{7*7}}${7*7}#{7*7}', "\xc0\xbcscript\xc0\xbe", "\xff\xfe<b>", '<!--', ']]>', 'javascript:alert(1)');
for my $bad (@bad) {
    my $name = encode_json([ $bad =~ s/[^ -~]/./gr ]);
    for my $kind ('the authorize page', 'the token endpoint') {
        my $b = begun('/?x=' . escape($bad));
        my $r = $kind =~ /authorize/ ? $b->come_back(error => $bad, error_description => $bad)
            : $b->come_back(code => stub_code({ token => { status => 400, headers => [ 'Content-Type' => 'application/json', 'Retry-After' => '1; X' ],
                json => { error => $bad =~ s/[^ -~\r\n\0]/?/gr, error_description => $bad =~ s/[^ -~\r\n\0]/?/gr } } }));
        is $r->status, 502, "$kind, $name: refused";
        is $r->header('X-Error'), 'other', 'not one of its own words';
        is scalar($r->header('X-Evil')), undef, 'no header';
        unlike $r->body, qr/<(?:script|img|b)\b|onerror=alert|onmouseover='|\]\]>|<!--(?! )/i, 'no markup';
        unlike $r->body, qr/[\x00-\x08\x0b-\x1f]/, 'no control byte';
        like $r->header('Content-Security-Policy') // '', qr/default-src 'none'/, 'and none would run';
    }
}

=== TEST 3: markup by claims on the page that says who is signed in
--- config
location / { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role nobody; proxy_pass $VCITA_APP; }
--- flow
for my $bad ('<script>alert(1)</script>@x.biz', '"><img src=x onerror=alert(1)>', "'><svg/onload=alert(1)>", '</p></body><script>', '&#60;script&#62;', 'a&b', "\x{202e}zib.live\@ecila", 'x' x 256) {
    for my $claim (qw( email sub )) {
        my $b = begun('/<b>?"><script>');
        $b->come_back(code => stub_code({ userinfo => { $claim eq 'sub' ? (omit => ['email']) : (), set => { $claim => $bad } } }));
        my $r = $b->get(url('/<b>?"><script>'));
        is $r->status, 403, "$claim: 403";
        unlike $r->body, qr/<(?:script|img|svg|b)\b/i, 'no markup';
        my ($shown) = $bad =~ s/&/&amp;/gr =~ s/</&lt;/gr =~ s/>/&gt;/gr =~ s/"/&quot;/gr;
        like $r->body, qr/\Q${ \substr $shown =~ s{'.*}{}r, 0, 20 }\E/, 'as text' if $bad !~ /^[^ -~]/;
    }
}
--- error_log
is not met

=== TEST 4: cookies: of semicolons, of equals signs, hundreds, long ones, on many lines: never a 500, and what is ours reaches nobody
--- flow
my $s = session;
my $before = upstream;
my @odd = (';', ';;;', '; ;', ' ; ; ', '=', '=;=', '=;=;=', 'vcita_session', 'vcita_session;', ';vcita_session', 'vcita_session=', 'vcita_session=;', 'vcita_session==', 'vcita_session=;vcita_session=',
    '; vcita_session=x;', 'vcita_session=x;vcita_session', "vcita_session\t=x", "\tvcita_session=x", 'vcita_session=x,', 'vcita_session =x', 'vcita_session=x y', 'vcita_session="x; y"',
    'vcita_session=' . 'A' x 4000, join('; ', map "vcita_session=$_", 1 .. 200), join(';', ('vcita_session=') x 200), join('; ', map("c$_=$_", 1 .. 300)), ';' x 4000, '=' x 4000,
    'vcita_session_login=', 'vcita_session_login=x; vcita_session_login=y', 'vcita_session_login', 'vcita_session_=a', 'vcita_sessio=a', 'vcita_session.0=a; vcita_session_0=a; vcita_session_chunks=1000000');
for my $c (@odd) {
    my $name = length $c > 60 ? substr($c, 0, 60) . '...' : "'$c'";
    my ($got, $body) = sent(request('GET /', "Cookie: $c", 'Connection: close'));
    is_deeply $got, [302], "$name: a login";
    my $hidden = $c =~ /^(?:vcita_session=[^;]*; ?){8}/;
    ($got, $body) = sent(request('GET /', "Cookie: $c", "Cookie: vcita_session=$s", 'Connection: close'));
    is_deeply $got, [ $hidden ? 302 : 200 ], "$name: " . ($hidden ? 'more than eight before the session: a login' : 'in, with the session on a line of its own');
    unlike $body, qr/(?<!Set-Cookie: )vcita_session(?:_login)?\s*=/, 'the application sees no cookie of ours';
    ($got, $body) = sent(request('GET /', "Cookie: $c; vcita_session=$s; z=1", 'Connection: close'));
    is_deeply [ grep { $_ != 200 && $_ != 302 } @$got ], [], 'before it on the same line';
    unlike $body, qr/\Q$s\E/, 'the application sees no session';
}
for ([ 7, 200 ], [ 8, 302 ], [ 60, 302 ]) {
    my ($n, $status) = @$_;
    my ($got) = sent(request('GET /', map("Cookie: vcita_session=x$_", 1 .. $n), "Cookie: vcita_session=$s", 'Connection: close'));
    is_deeply $got, [$status], "behind $n lines of the name";
}
my ($got) = sent(request('GET /', 'Cookie: ' . 'a' x 9000, 'Connection: close'));
is_deeply $got, [400], 'a line over the limit of nginx';

=== TEST 5: what is behind the gate is sent to nobody: no method, body, upgrade or expectation of a stranger reaches the application
--- flow
stub->reset;
my %line = ((map { $_ => "$_ /secret" } qw( GET HEAD POST PUT DELETE PATCH OPTIONS PROPFIND MKCOL COPY MOVE LOCK FOO get )), absolute => 'GET http://127.0.0.1:' . port . '/secret');
my %with = ('nothing' => [], 'an empty body' => ['Content-Length: 0'], 'a body' => [ 'Content-Length: 5', 'Content-Type: application/x-www-form-urlencoded' ],
    'a body without a type' => ['Content-Length: 5'], 'chunks' => ['Transfer-Encoding: chunked'], 'an expectation' => [ 'Expect: 100-continue', 'Content-Length: 5' ],
    'WebSocket' => [ 'Connection: Upgrade, close', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' ],
    'h2c' => [ 'Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__' ],
    'another method' => [ 'X-HTTP-Method-Override: GET', 'X-HTTP-Method: GET', 'X-Method-Override: GET' ], 'a fetch' => ['Sec-Fetch-Mode: cors'],
    'who it is not' => [ 'X-Forwarded-User: admin', 'Authorization: Bearer x', 'X-Auth-Request-User: admin', 'Remote-User: admin', 'X-Forwarded-For: 127.0.0.1', 'X-Real-IP: 127.0.0.1' ],
    'a health check' => [ 'User-Agent: GoogleHC/1.0', 'User-Agent: kube-probe/1.30' ], 'a preflight' => [ 'Origin: https://evil.example', 'Access-Control-Request-Method: GET' ]);
for my $l (sort keys %line) {
    for my $w (sort keys %with) {
        my $body = join('', @{ $with{$w} }) =~ /Length: 5/ ? 'a=b&c' : $w eq 'chunks' ? "5\r\na=b&c\r\n0\r\n\r\n" : '';
        my @close = grep({ /^Connection/ } @{ $with{$w} }) ? () : 'Connection: close';
        my ($got, $all) = sent(request($line{$l}, @{ $with{$w} }, @close) . $body);
        shift @$got if @$got && $got->[0] == 100;
        like $got->[0] // 'nothing', qr/^(?:302|400|401|405)$/, "$l with $w";
    }
}
is upstream, 0, 'the application saw nobody';
for ("TRACE /secret", "CONNECT 127.0.0.1:80") {
    my ($got) = sent(request($_, 'Connection: close'));
    like $got->[0], qr/^40[05]$/, $_;
}

=== TEST 6: pipelining, and requests hidden in bodies: each is judged by what it has itself
--- flow
my $s = session;
stub->reset;
my ($in, $out) = ("Cookie: vcita_session=$s", 'X-No: 1');
my ($got, $all) = sent(request('GET /1', $in) . request('GET /2', $out) . request('GET /3', $in) . request('GET /4', $out, 'Connection: close'));
is_deeply $got, [ 200, 302, 200, 302 ], 'by turns';
is_deeply [ map { $_->path } stub->app_requests ], [ '/1', '/3' ], 'two of four';
my $hidden = request('GET /hidden', $in);
my $n = length $hidden;
for my $h ("Content-Length: $n", "Transfer-Encoding: chunked") {
    my $body = $h =~ /chunked/ ? sprintf("%x\r\n%s\r\n0\r\n\r\n", $n, $hidden) : $hidden;
    ($got) = sent(request('POST /5', $out, $h) . $body . request('GET /6', $out, 'Connection: close'));
    is_deeply $got, [ 401, 302 ], "hidden in a body, $h";
}
for my $h ("Content-Length: 0\r\nTransfer-Encoding: chunked", "Content-Length: $n\r\nContent-Length: 0", "Transfer-Encoding: chunked, identity", "Transfer-Encoding:\x0bchunked", "Content-Length: +$n", "Content-Length: 0x10") {
    ($got) = sent(request('POST /7', $out, $h, 'Connection: close') . "0\r\n\r\n");
    like $got->[0], qr/^(?:400|501)$/, 'ambiguous: ' . $h =~ s/[\r\n]+/, /gr;
    is scalar @$got, 1, 'one answer';
}
is_deeply [ grep { $_ eq '/hidden' } map { $_->path } stub->app_requests ], [], 'what was hidden was not found';

=== TEST 7: paths: whatever a path looks like, what nginx takes for the gated location is gated; a query is no path
--- config
location / { proxy_pass $VCITA_APP; }
location /public/ { proxy_pass $VCITA_APP; }
location /admin/ { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /exact { vcita_oauth on; proxy_pass $VCITA_APP; }
location ~* \.secret$ { vcita_oauth on; proxy_pass $VCITA_APP; }
location /files/ { vcita_oauth on; internal; proxy_pass $VCITA_APP; }
--- flow
stub->reset;
for my $path ('/admin/', '/admin/x', '//admin/', '///admin//x', '/./admin/', '/x/../admin/', '/public/../admin/', '/public/%2e%2e/admin/', '/public/..%2fadmin/', '/%61dmin/', '/%61%64%6d%69%6e/', '/admin%2f', '/admin%2Fx',
    '/admin/../admin/', '/admin/.', '/admin/%2e', '/admin/;x', '/admin/?/public/', '/admin/?x=/public/', '/admin/#/public/', '/admin//public/', '/admin/public/', '/admin/%00', '/public//../admin/', '/exact', '//exact', '/exact?x',
    '/%65xact', '/a/../exact', '/x.secret', '/x.SECRET', '/x.secret?y', '/public/x.secret', '/x%2esecret', '/%2e/admin/', '/public/x/..//..//admin/', 'http://x/admin/', 'http://x/public/../admin/', 'http://x//admin/')
{
    my ($got) = sent(request("GET $path", 'Connection: close'));
    like $got->[0], qr/^(?:302|400)$/, "$path is gated, or no path";
}
is upstream, 0, 'the application saw nobody';
like((sent(request("GET $_", 'Connection: close')))[0][0], qr/^40[04]$/, "$_: internal") for '/files/x', '//files/x', '/public/../files/x', '/%66iles/x';
is upstream, 0, 'nor here';
is_deeply((sent(request('GET /public/', 'Connection: close')))[0], [200], 'what is public is');

=== TEST 8: internal redirects of a location without a gate lead into the gate
--- error_log
access forbidden by rule
--- config
location / { root html; }
location = /try { try_files /none /admin/x; }
location = /rewrite { rewrite ^ /admin/y last; }
location = /accel { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up; }
location = /up { add_header X-Accel-Redirect /admin/accel; return 204; }
location = /named { try_files /none @named; }
location = /error { error_page 403 /admin/z; deny all; }
location @named { vcita_oauth on; proxy_pass $VCITA_APP; }
location /admin/ { vcita_oauth on; proxy_pass $VCITA_APP; }
location /open/ { error_page 404 = @named; }
--- flow
my $s = session('/admin/');
stub->reset;
my %want = ('/accel' => 302, '/try' => 302, '/rewrite' => 302, '/named' => 302, '/error' => 403, '/open/none' => 302);
for my $path (sort keys %want) {
    is browser()->get(url($path))->status, $want{$path}, "$path: no session";
}
is upstream, 0, 'the application saw nobody';
for my $path (sort keys %want) {
    is browser()->get(url($path), headers => [ Cookie => "vcita_session=$s" ])->status, $path eq '/error' ? 403 : 200, "$path: with one";
}
