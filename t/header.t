# vcita_oauth_header: what the upstream is told, by the gate alone; in each protocol that nginx speaks with upstreams, in
# each kind of location.

use lib 't/lib';
use VcitaTest;
use VcitaCgi;
use VcitaAssertion;

# how a client can spell the name of a header
my @SPELLED = ('X-Forwarded-User', 'x-forwarded-USER', 'X_Forwarded_User', 'X.Forwarded.User', 'x_forwarded.user',
               'XForwardedUser', '-X--Forwarded-User-', 'X-Forwarded-User', 'X-ForwardedUser_');

# each of them, with a value that says which one it was; twice
sub VcitaFlow::Code::forged { return [ map { my $n = $_; map { ($SPELLED[$_] => "forged-$SPELLED[$_]-$n") } 0 .. $#SPELLED } 1, 2 ] }

# what an upstream was told, whatever it calls the header; "-" if nothing
sub VcitaFlow::Code::told {
    my ($request, $name) = @_;
    my $letters = lc($name // 'X-Forwarded-User') =~ s/[^a-z0-9]//gr;
    my @values = map { $_->[1] } grep { lc($_->[0]) =~ s/^http_//r =~ s/[^a-z0-9]//gr eq $letters } @{ $request->{headers} };
    return join(' | ', @values) || '-';
}

# The requests that the application got since the last look, as "path: what it was told", sorted.  With a number, once
# there are so many.
my $Looked = 0;
sub VcitaFlow::Code::upstreams {
    my $n = $_[0] // 0;
    my @new;
    VcitaFlow::wait_for(sub {
        @new = VcitaFlow::stub()->app_requests;
        $Looked = 0 if $Looked > @new;
        splice @new, 0, $Looked;
        @new >= $n;
    }, 5, "$n requests to upstreams");
    $Looked += @new;
    return join ', ', sort map { $_->path . ': ' . VcitaFlow::Code::told($_) } @new;
}

# how nginx passes a request on
my $PARAM = 'DOCUMENT_URI $uri';
my %PASS = (
    proxy   => 'proxy_pass $VCITA_APP;',
    fastcgi => "fastcgi_param $PARAM; fastcgi_pass 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;",
    uwsgi   => "uwsgi_param $PARAM; uwsgi_pass 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;",
    scgi    => "scgi_param $PARAM; scgi_pass 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;",
    grpc    => 'grpc_pass grpc://127.0.0.1:$TEST_NGINX_RAND_PORT_2;',
);
my %OWN = (
    proxy => 'proxy_set_header X-Own 1;', fastcgi => 'fastcgi_param HTTP_X_OWN 1;', uwsgi => 'uwsgi_param HTTP_X_OWN 1;',
    scgi  => 'scgi_param HTTP_X_OWN 1;', grpc => 'grpc_set_header X-Own 1;',
);

# names that nginx would drop must come through
my $ALL_NAMES = "underscores_in_headers on;\nignore_invalid_headers off;\n";

# what each kind of location looks like; PASS is how it passes on
my $PLACES = <<'END';
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location /own { vcita_oauth on; OWN PASS }
location /nested { vcita_oauth on; location /nested/in { vcita_oauth_header X-Sub $vcita_oauth_claim_sub; PASS } }
location /refused { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role king; error_page 403 = /page; PASS }
location /page { PASS }
location /failed { vcita_oauth on; error_page 502 = /page; proxy_pass http://127.0.0.1:1; }
location /named { vcita_oauth on; try_files /none @named; }
location @named { OWN PASS }
location /off { OWN PASS }
location /optional { vcita_oauth optional; OWN PASS }
location /any { satisfy any; allow 127.0.0.1; deny all; vcita_oauth on; PASS }
location /asks { vcita_oauth on; auth_request /asked; PASS }
location /asked { PASS }
location /mirrors { vcita_oauth on; mirror /mirrored; PASS }
location /mirrored { PASS }
END

# "--- kind: proxy": all of these, passed on in this way
add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(config => $ALL_NAMES . ($block->config // '')) if defined $block->gate;
    my $kind = $block->kind // return;
    $kind =~ s/\s+//g;

    my $fill = sub { $_[0] =~ s/OWN/$OWN{$kind}/gr =~ s/PASS/$PASS{$kind}/gr };
    my $header = 'vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_sub;';

    $block->set_value(gate => '');
    $block->set_value(config => $ALL_NAMES . "$header\n" . $fill->($PLACES));
    $block->set_value(http_config => $fill->(<<END));
server {
    listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 http2;
    $ALL_NAMES
    location / { proxy_pass \$VCITA_APP; }
}
server {
    listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_3;
    $ALL_NAMES
    $header
    location / { PASS }
}
END
    $block->set_value(flow => "my \$cgi = cgi(rand_port(1));\neverywhere();");
    $block->set_value(error_log => "is not met\nconnect() failed");
});

# what the upstreams are told by an anonymous client, and by one that is signed in; both say that they are others
sub VcitaFlow::Code::everywhere {
    my $told = {
        '/own' => [ '', '/own: alice' ], '/nested/in' => [ '', '/nested/in: alice' ],
        '/refused' => [ '', '/page: -' ], '/failed' => [ '', '/page: alice' ], '/named' => [ '', '/named: alice' ],
        '/off' => [ ('/off: -') x 2 ], '/optional' => [ '/optional: -', '/optional: alice' ], '/any' => [ ('/any: -') x 2 ],
        '/asks' => [ '/asked: -', '/asked: -, /asks: alice' ], '/mirrors' => [ '', '/mirrored: -, /mirrors: alice' ],
    };
    my $alice = VcitaFlow::Code::signed_in('/in', { sub => 'alice' });
    VcitaFlow::Code::upstreams();

    for my $path (sort keys %$told) {
        for my $who (0, 1) {
            my $b = $who ? $alice : VcitaFlow::browser();
            $b->get($path, headers => VcitaFlow::Code::forged());
            my $expected = $told->{$path}[$who];
            VcitaFlow::Code::is(VcitaFlow::Code::upstreams($expected =~ tr/://), $expected, ($who ? 'alice' : 'nobody') . " at $path");
        }
    }

    VcitaFlow::browser()->get('http://127.0.0.1:' . VcitaFlow::rand_port(3) . '/other', headers => VcitaFlow::Code::forged());
    VcitaFlow::Code::is(VcitaFlow::Code::upstreams(), '/other: -', 'a server without a gate');
}

run_tests();

__DATA__

=== TEST 1: no upstream is told by proxy_pass whom the client says it is
--- kind: proxy
--- flow


=== TEST 2: nor by fastcgi_pass
--- kind: fastcgi
--- flow


=== TEST 3: nor by uwsgi_pass
--- kind: uwsgi
--- flow


=== TEST 4: nor by scgi_pass
--- kind: scgi
--- flow


=== TEST 5: nor by grpc_pass
--- kind: grpc
--- flow


=== TEST 6: a level adds to what it inherits; what the operator sets wins; nothing is sent that is empty or has a control byte
--- gate
vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_sub;
vcita_oauth_header X-Role $vcita_oauth_claim_role;
--- http_config
map $vcita_oauth_claim_sub $control { default "a\nX-Injected: b"; }
map $vcita_oauth_claim_sub $upper { alice ALICE; }
--- config
vcita_oauth_header X_Role $upper;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /more {
    vcita_oauth on;
    vcita_oauth_header X-More $vcita_oauth_claim_sub;
    vcita_oauth_header X-Empty $vcita_oauth_claim_none;
    location /more/still { vcita_oauth_header x.more $upper; proxy_pass $VCITA_APP; }
    proxy_pass $VCITA_APP;
}
location /wins { vcita_oauth on; proxy_set_header x-forwarded-user operator; proxy_pass $VCITA_APP; }
location /wins/empty { vcita_oauth on; proxy_set_header X-Forwarded-User ""; proxy_pass $VCITA_APP; }
location /wins/param {
    vcita_oauth on; fastcgi_param DOCUMENT_URI $uri; fastcgi_param HTTP_X_FORWARDED_USER operator;
    fastcgi_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location /none { vcita_oauth on; proxy_pass_request_headers off; proxy_pass $VCITA_APP; }
location /control { vcita_oauth on; vcita_oauth_header X-Control $control; vcita_oauth_header X-Control-2 $control; try_files /none /control/again; }
location /control/again { vcita_oauth on; vcita_oauth_header X-Control $control; proxy_pass $VCITA_APP; }
location /seen { vcita_oauth on; proxy_set_header X-Seen $http_x_forwarded_user; proxy_pass $VCITA_APP; }
--- flow
my $cgi = cgi(rand_port(1));
my $alice = signed_in('/', { sub => 'alice', role => 'owner' });
my $sent = sub { my ($path, @names) = @_; my $r = $alice->get($path, headers => forged()); join ', ', map { told($r->json, $_) } @names };

is $sent->('/', qw( X-Forwarded-User X-Role X-More )), 'alice, ALICE, -', 'the same name replaces, in another spelling, too';
is $sent->('/more', qw( X-Forwarded-User X-Role X-More X-Empty )), 'alice, ALICE, alice, -', 'a location adds';
is $sent->('/more/still', qw( X-Forwarded-User X-Role X-More )), 'alice, ALICE, ALICE', 'so does one in it';
is $sent->('/wins', 'X-Forwarded-User'), 'operator', 'proxy_set_header wins';
is $sent->('/wins/empty', 'X-Forwarded-User'), '-', 'an empty one, too';
is $sent->('/wins/param', 'X-Forwarded-User'), 'operator', 'fastcgi_param wins';
is $sent->('/wins/param', 'X-Role'), 'ALICE', 'of its own name';
is $sent->('/none', 'X-Forwarded-User'), '-', 'proxy_pass_request_headers off';
is $sent->('/seen', 'X-Seen'), 'alice', '$http_... has it';
is $alice->get('/', headers => [ 'X-More' => 'forged', 'X-Control' => 'forged' ])->status, 200, 'where a header is not set';
is +(stub->app_requests)[-1]->header('X-More') // '-', '-', 'it is removed all the same';

my $r = $alice->get('/control');
is $r->json->{uri}, '/control/again', 'a control byte';
is told($r->json, $_), '-', "$_ is not sent" for qw( X-Control X-Injected );
is told($r->json), 'alice', 'but the others are';
my @said = error_log() =~ /(vcita_oauth_header "\S+" was not sent because \$\w+ has a control character), remove it by a map/g;
is_deeply \@said, [ map { qq{vcita_oauth_header "$_" was not sent because \$control has a control character} } qw( X-Control X-Control-2 ) ],
    'a line for each, once in a request';
--- error_log
has a control character


=== TEST 7: behind internal redirects, those of the last gate that let the request through; a refusal takes them away
--- gate
vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_sub;
vcita_oauth_header X-Gate $uri;
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    underscores_in_headers on; ignore_invalid_headers off;
    error_page 404 = /page;
    location / { mirror /mirrored; proxy_pass $VCITA_APP; }
    location /moved { try_files /none =404; }
}
--- config
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location /one { vcita_oauth on; try_files /none $arg_to; }
location /two {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name two;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/two/callback;
    proxy_pass $VCITA_APP;
    location /two/king { vcita_oauth_require $vcita_oauth_claim_role king; error_page 403 = /page; proxy_pass $VCITA_APP; }
    location /two/maybe { vcita_oauth optional; proxy_pass $VCITA_APP; }
    location /two/any { satisfy any; allow 127.0.0.1; deny all; proxy_pass $VCITA_APP; }
    location /two/denied { deny all; error_page 403 = /page; proxy_pass $VCITA_APP; }
}
location /page { proxy_pass $VCITA_APP; }
location /page/gated { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $both = signed_in('/in', { sub => 'alice' });
my ($one, $two) = ($both->clone, signed_in('/two/in', { sub => 'bob' }));
$both->set_cookie(two => $two->cookie('two'));

my $sent = sub {
    my ($b, $path) = @_;
    upstreams();
    $b->get($path, headers => forged());
    my $gates = join '', map { ' of ' . told($_, 'X-Gate') } (stub->app_requests)[-1];
    return upstreams() . $gates;
};

is $sent->($both, '/one?to=/page'), '/page: alice of /one', 'into an open location: as before';
is $sent->($both, '/one?to=/page/gated'), '/page/gated: alice of /page/gated', 'into a gated one of the same client';
is $sent->($both, '/one?to=/two/x'), '/two/x: bob of /two/x', 'into one of another client: who it is there';
is $sent->($both, '/one?to=/two/maybe'), '/two/maybe: bob of /two/maybe', 'also where it is optional';
is $sent->($both, '/one?to=/two/king'), '/page: - of -', 'refused there: nobody';
is $sent->($both, '/one?to=/two/any'), '/two/any: alice of /one', 'a gate that is not asked changes nothing';
is $sent->($both, '/one?to=/two/denied'), '/page: alice of /one', 'nor does a refusal by another module';
is $sent->($one, '/one?to=/two/maybe'), '/two/maybe: - of -', 'anonymous for another client: nobody';

upstreams();
is $one->get('/one?to=/two/x')->status, 302, 'no session of the other client';
is upstreams(), '', 'no upstream';

my $gateless = 'http://127.0.0.1:' . rand_port(3);
$_->get("$gateless/", headers => forged()) for $both, browser();
is upstreams(4), join(', ', ('/: -') x 2, ('/mirrored: -') x 2), 'a server without a gate, which inherits the header: nobody';
browser()->get("$gateless/moved", headers => forged());
is upstreams(2), '/mirrored: -, /page: -', 'nor behind an internal redirect';
--- error_log
is not met
access forbidden by rule


=== TEST 8: a subrequest tells its upstream who it is there, and changes nothing of any other request
--- gate
vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_sub;
--- http_config
proxy_cache_path html/update keys_zone=update:1m;
--- config
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /ssi.html { vcita_oauth on; ssi on; root html; }
location /main { vcita_oauth on; auth_request /part/two/auth; mirror /part/open/mirror; mirror /part/two/mirror; proxy_pass $VCITA_APP; }
location /part/open { proxy_pass $VCITA_APP; }
location /part/one { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /ssi2.html { vcita_oauth on; ssi on; root html; }
location /part/to-maybe { vcita_oauth on; try_files /none /part/two/maybe; }
location /part/moved { vcita_oauth on; try_files /none /part/open/moved; }
location /part/two {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name two;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/part/two/callback;
    proxy_pass $VCITA_APP;
    location /part/two/to-one { try_files /none /part/one/of-two; }
    location /part/two/maybe { vcita_oauth optional; proxy_set_header X-In "[$vcita_oauth_authenticated]"; proxy_pass $VCITA_APP; }
}
location /update {
    vcita_oauth on;
    proxy_cache update;
    proxy_cache_valid 1s;
    proxy_cache_use_stale updating;
    proxy_cache_background_update on;
    add_header X-Cache $upstream_cache_status;
    proxy_pass $VCITA_APP;
}
--- user_files
>>> ssi.html
<!--#include virtual="/part/one/a" --><!--#include virtual="/part/two/b" --><!--#include virtual="/part/open/c" --><!--#include virtual="/part/two/to-one" --><!--#include virtual="/part/moved" --><!--#include virtual="/part/open/d" -->
>>> ssi2.html
<!--#include virtual="/part/to-maybe" -->
--- flow
my $alice = signed_in('/in', { sub => 'alice' });
my $one = $alice->clone;
my @many = map { ("X-Many-$_" => $_) } 1 .. 45;           # nginx keeps them in three parts of a list
$alice->set_cookie(two => signed_in('/part/two/in', { sub => 'bob' })->cookie('two'));

for my $more ([], \@many) {
    my $of = @$more ? 'many headers' : 'few headers';
    my $headers = [ @{ forged() }, @$more, @{ forged() } ];
    upstreams();

    is $alice->get('/ssi.html', headers => $headers)->status, 200, "$of: a page";
    is upstreams(), '/part/one/a: alice, /part/one/of-two: alice, /part/open/c: -, /part/open/d: -, /part/open/moved: alice, '
        . '/part/two/b: bob', "$of: its parts";

    is $one->get('/part/two/maybe', headers => $headers)->status, 200, "$of: nobody for the other client";
    is upstreams(), '/part/two/maybe: -', "$of: nor for its upstream";
    is $one->get('/ssi2.html', headers => $headers)->status, 200, "$of: a part";
    is upstreams(), '/part/two/maybe: -', "$of: that one client has let through is nobody for the other one";
    is +(stub->app_requests)[-1]->header('X-In'), '[0]', "$of: by its variables, too";

    is $alice->get('/main', headers => $headers)->status, 200, "$of: auth_request and mirrors";
    is upstreams(4), '/main: alice, /part/open/mirror: -, /part/two/auth: bob, /part/two/mirror: bob', "$of: each as who it is";

    my ($last) = grep { $_->path eq '/main' } reverse stub->app_requests;
    my %value = map { lc $_->[0] => $_->[1] } @{ $last->{headers} };
    is scalar(grep { /^x-many/ } keys %value), @$more / 2, "$of: all others are there";
}

my $path = '/update/' . round();
my %cached;
wait_for { $cached{ $alice->get($path, headers => forged())->header('X-Cache') }++; (grep { $_->path eq $path } stub->app_requests) >= 2 } 10, 'the update';
ok $cached{STALE}, 'updated behind the answer';
is upstreams(), join(', ', ("$path: alice") x 2), 'as the person whose request it was';


=== TEST 9: HTTP/2, and what nginx refuses before any module is asked
--- gate
vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_sub;
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
    underscores_in_headers on; ignore_invalid_headers off;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /off { proxy_pass $VCITA_APP; }
    location /optional { vcita_oauth optional; proxy_pass $VCITA_APP; }
}
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    underscores_in_headers on; ignore_invalid_headers off;
    error_page 400 = @page;
    location @page { proxy_set_header X-Seen $http_x_forwarded_user; proxy_pass $VCITA_APP; }
    location / { proxy_pass $VCITA_APP; }
}
--- config
error_page 400 = /page;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /page { proxy_set_header X-Seen $http_x_forwarded_user; proxy_pass $VCITA_APP; }
--- flow
my $alice = signed_in('/in', { sub => 'alice' });
my $at = 'http://127.0.0.1:' . rand_port(1);
my @forged = @{ forged() };
my $forged = '';
while (my ($name, $value) = splice @forged, 0, 2) { $forged .= " -H '$name: $value'" }

for (([ '/', '/: alice' ], [ '/off', '/off: -' ], [ '/optional', '/optional: alice' ])) {
    my ($path, $told) = @$_;
    upstreams();
    my $said = `curl --silent --http2-prior-knowledge --write-out ' %{http_version}' -H 'Cookie: vcita_session=@{[ $alice->cookie('vcita_session') ]}' $forged $at$path`;
    like $said, qr/ 2$/, "$path: HTTP/2";
    is upstreams(), $told, "$path: what the upstream is told";
}
`curl --silent --http2-prior-knowledge $forged $at/optional`;
is upstreams(), '/optional: -', 'anonymous';

for my $port (port, rand_port(3)) {
    my ($name, @lines) = @{ forged() };
    browser()->raw('127.0.0.1', $port, "GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-User: forged\r\nx_forwarded.user: forged\r\n"
        . "Content-Length: x\r\nConnection: close\r\n\r\n");
    my ($page) = reverse stub->app_requests;
    is told($page), '-', "$port: the page of a 400";
    is told($page, 'X-Seen'), '-', "$port: nor does a variable have it";
}


=== TEST 10: a signed token's claims are what upstreams are told, also in a subrequest; a bad token's are not
--- no_error_log
[alert]
--- gate
vcita_oauth_jwks_endpoint $VCITA_STUB/jwks.json;
vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_sub;
--- config
location / { vcita_oauth on; vcita_oauth_bearer salonapp; mirror /part; proxy_pass $VCITA_APP; }
location /part { vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
location /open { vcita_oauth on; vcita_oauth_bearer salonapp; error_page 401 = /page; proxy_pass $VCITA_APP; }
location /page { proxy_pass $VCITA_APP; }
--- flow
stub->always({ keys => { json => client_jwks('rsa') } });
my $now = time;
my $token = signed_token('rsa', {}, { iat => $now, exp => $now + 300 });
my $bears = sub { my ($token, $path) = @_; browser()->get($path, headers => [ Authorization => "Bearer $token", @{ forged() } ]) };

upstreams();
is $bears->($token, '/')->status, 200, 'in';
is upstreams(2), '/: a383717599bf1893, /part: a383717599bf1893', 'as who it is';
$bears->("${token}x", '/open');
is upstreams(1), '/page: -', 'a bad token: nobody';


=== TEST 11: 200 headers of the name, values of 8 KB, spaces about the name: none reaches an upstream, whatever nginx lets through
--- gate
vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_sub;
large_client_header_buffers 64 16k;
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
    underscores_in_headers on; ignore_invalid_headers off;
    location / { vcita_oauth optional; proxy_set_header X-Seen $http_x_forwarded_user; proxy_pass $VCITA_APP; }
}
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    location / { vcita_oauth optional; proxy_set_header X-Seen $http_x_forwarded_user; proxy_pass $VCITA_APP; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /optional { vcita_oauth optional; proxy_set_header X-Seen $http_x_forwarded_user; proxy_pass $VCITA_APP; }
--- flow
my $alice = signed_in('/in', { sub => 'alice' });
my $cookie = 'Cookie: vcita_session=' . $alice->cookie('vcita_session');
my $big = 'forged' x 1365;
my %lines = (
    '200 of them' => [ ('X-Forwarded-User: forged') x 200 ], '200 in all spellings' => [ map { ('X-Forwarded-User', 'x_forwarded_user', 'X.Forwarded.User', 'XForwardedUser')[$_ % 4] . ": forged$_" } 1 .. 200 ],
    '8 KB' => ["X-Forwarded-User: $big"], '8 KB, thrice' => [ ("x_forwarded_user: $big") x 3 ], 'empty' => [ 'X-Forwarded-User:', 'X_Forwarded_User: ' ],
    'among 200 others' => [ map({ "X-Other-$_: 1" } 1 .. 100), 'X-Forwarded-User: forged', map({ "X-Other-$_: 1" } 101 .. 200) ],
    'bytes around it' => [ '!X-Forwarded-User: forged', 'X-Forwarded-User!: forged', '#X~Forwarded|User^: forged', "X-Forwarded-User\xff: forged", '"X-Forwarded-User": forged', '(X/Forwarded)User: forged' ],
    'hyphens' => [ 'X-----Forwarded-----User: forged', '------XForwardedUser: forged', '_x_forwarded_user_: forged' ],
);
for my $port (port, rand_port(2)) {
    for my $name (sort keys %lines) {
        for my $who ('-', 'alice') {
            upstreams();
            my $raw = browser()->raw('127.0.0.1', $port, join "\r\n", 'GET /optional HTTP/1.1', 'Host: a', @{ $lines{$name} }, $who eq 'alice' ? $cookie : (), 'Connection: close', '', '')->body;
            like $raw, qr{^HTTP/1.1 200 }, "$name: 200";
            is upstreams(), "/optional: $who", "$name: $who, at " . ($port == port ? 'all names' : 'the usual ones');
            my ($got) = reverse stub->app_requests;
            is told($got, 'X-Seen'), $who, "$name: nor does a variable have another";
            is scalar(grep { $_->[0] =~ /^X-Other-/i } @{ $got->{headers} }), $name =~ /others/ ? 200 : 0, "$name: others are there";
        }
    }
    for ('X-Forwarded-User : forged', "X-Forwarded-User\t: forged", ' X-Forwarded-User: forged', "X-Other: 1\r\n X-Forwarded-User: forged", "X-Forwarded-User\0: forged", 'X Forwarded User: forged',
         "X-Other: 1\rX-Forwarded-User: forged", "X-Other: 1\nX-Forwarded-User: forged", "X-Forwarded-User: forged\0", 'X-Forwarded-User') {
        upstreams();
        my $raw = browser()->raw('127.0.0.1', $port, join "\r\n", 'GET /optional HTTP/1.1', 'Host: a', $_, 'Connection: close', '', '')->body;
        my $name = s/[\r\n\t\0]/ /gr;
        like $raw, qr{^HTTP/1.1 [24]00 }, "'$name': 200 or 400";
        is upstreams(), $raw =~ /^HTTP\S+ 200/ ? '/optional: -' : '', "'$name': nobody";
    }
}

my @many = map { ('-H', ('x_forwarded_user', 'X-Forwarded-User', 'x.forwarded.user')[$_ % 3] . ': forged') } 1 .. 200;
for my $who ('-', 'alice') {
    for my $h (\@many, [ '-H', "x_forwarded_user: $big" ], [ '-H', 'x_forwarded_user;', '-H', 'X-Forwarded-User;' ]) {
        upstreams();
        open my $out, '-|', qw( curl --silent --http2-prior-knowledge -o /dev/null -w %{http_version}:%{http_code} ), @$h, ($who eq 'alice' ? ('-H', $cookie) : ()),
            'http://127.0.0.1:' . rand_port(1) . '/h2' or die "curl: $!";
        is scalar(<$out>), '2:200', 'HTTP/2';
        is upstreams(), "/h2: $who", "HTTP/2: $who";
    }
}
