# vcita_oauth_max_age: locations that ask for a recent sign-in.  The nginx here are machines with a clock of
# their own, so that an hour takes no time.

use lib 't/lib';
use VcitaRedis;
use VcitaTest;
use VcitaCheck;
use VcitaMachine;

sub VcitaFlow::Code::machine { return VcitaMachine->start(@_) }

# a browser that has logged in there, at an address
sub VcitaFlow::Code::logged_in {
    my ($m, $path, %do) = @_;
    my $b = VcitaFlow::browser(base => $m->url(''));
    my $r = $b->get($path);
    die "no login begins: " . $r->status . "\n" if $r->status != 302;
    return back($b, 303, %do);
}

# it comes back from vcita, which answers at once
sub back {
    my ($b, $status, %do) = @_;
    $do{id_token} = VcitaCheck::id_token($b, %{ $do{id_token} }) if $do{id_token};
    my $r = $b->come_back(code => VcitaStub::stub_code(\%do));
    VcitaFlow::is($r->status, $status, "back from vcita: $status");
    return $b;
}
sub VcitaFlow::Code::back { back(@_) }

# an answer of the gate about a session that is too old: status, what vcita is asked for
sub VcitaFlow::Code::too_old {
    my ($r, $status, $name, $max_age) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    VcitaFlow::is($r->status, $status, "$name: $status");
    VcitaFlow::is(scalar($r->header('X-Error')), '[login_required]', "$name: \$vcita_oauth_error");
    VcitaFlow::is(join(' | ', $r->header('Cache-Control')), 'no-store', "$name: Cache-Control");
    VcitaFlow::is(scalar($r->header('X-In')), '[0]', "$name: its variables are nobody's");
    VcitaFlow::is(scalar($r->header('WWW-Authenticate')), $status == 401 ? 'Bearer realm="vcita"' : undef, "$name: challenge");
    return if $status != 302;
    VcitaFlow::is(join(' ', $r->param('prompt')), 'login', "$name: prompt");
    VcitaFlow::is(join(' ', $r->param('max_age')), $max_age, "$name: max_age");
}

my @XHR = (headers => [ 'X-Requested-With' => 'XMLHttpRequest' ]);
sub VcitaFlow::Code::asks { my ($b, $path) = @_; return $b->get($path, @XHR) }

# what every server here has
sub VcitaFlow::Code::site {
    return 'add_header X-Error "[$vcita_oauth_error]" always; add_header X-In "[$vcita_oauth_authenticated]" always;'
        . 'add_header X-Started $vcita_oauth_session_started always;' . "\n@_";
}

run_tests();

__DATA__

=== TEST 1: vcita_oauth_max_age: the refunds page asks again, the calendar does not, in every store
--- flow
redis->fresh;
for my $store ('cookie', 'zone=sessions:1m', 'redis://127.0.0.1:' . redis->{port}) {
    my $m = machine('a', gate => "vcita_oauth_session_store $store; vcita_oauth_session_idle_timeout 1h;", server => site(<<'END'));
    location /calendar { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /refunds { vcita_oauth on; vcita_oauth_max_age 5m; proxy_pass $VCITA_APP; }
    location /refunds/rare { vcita_oauth on; vcita_oauth_max_age off; proxy_pass $VCITA_APP; }
    location /refunds/api { vcita_oauth on; vcita_oauth_max_age 5m; vcita_oauth_challenge 401; proxy_pass $VCITA_APP; }
END
    my $b = logged_in($m, '/refunds/a?b=c');
    my ($begun) = $b->answers;
    ok !defined scalar($begun->param($_)), "$store: no $_ at a login without a session" for qw( prompt max_age );
    is $b->hop->json->{uri}, '/refunds/a?b=c', "$store: in";
    my $first = $b->res->header('X-Started');

    $m->clock(300);
    is $b->get("/$_")->status, 200, "$store: $_ after 5 minutes" for qw( calendar refunds );
    ok defined $b->res->header('X-Started'), "$store: renewed";
    $m->clock(301);
    is $b->get('/calendar')->status, 200, "$store: the calendar a second later";
    is $b->get('/refunds/rare')->status, 200, "$store: so is a location that asks for nothing";
    too_old(asks($b, '/refunds'), 401, "$store: what is no navigation");
    too_old($b->post('/refunds', { a => 1 }), 401, "$store: a POST");
    too_old($b->get('/refunds/api'), 401, "$store: challenge 401");
    too_old($b->get('/refunds', headers => [ Authorization => 'Bearer x' ]), 401, "$store: Bearer");
    too_old($b->head('/refunds'), 302, "$store: HEAD", 300);
    too_old($b->get('/refunds/a?b=c'), 302, "$store: a navigation", 300);
    is $b->clone->get('/calendar')->status, 200, "$store: the calendar keeps the session meanwhile";

    back($b, 303);
    is $b->hop->status, 200, "$store: one round, then in";
    is $b->res->json->{uri}, '/refunds/a?b=c', "$store: at the same address";
    is $b->res->header('X-Started'), $first + 301, "$store: the session is a new one";
    is $b->get("/$_")->status, 200, "$store: and good for $_" for qw( calendar refunds );
    is_deeply [ $m->stop ], [], "$store: nothing to warn of in the log";
}


=== TEST 2: max_age: rules come first; under optional an older session is anonymous there; internal redirects keep it
--- flow
my $m = machine('a', server => site(<<'END'));
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /ruled { vcita_oauth on; vcita_oauth_max_age 1m; vcita_oauth_require $vcita_oauth_claim_role owner; proxy_pass $VCITA_APP; }
    location /optional { vcita_oauth optional; vcita_oauth_max_age 1m; proxy_pass $VCITA_APP; }
    location /optional/ruled {
        vcita_oauth optional; vcita_oauth_max_age 1m; vcita_oauth_require $vcita_oauth_claim_role owner; proxy_pass $VCITA_APP;
    }
    location /optional/then { vcita_oauth optional; vcita_oauth_max_age 1m; try_files /none /calendar; }
    location /then { vcita_oauth on; try_files /none /optional/x; }
    location /any { satisfy any; deny all; vcita_oauth optional; vcita_oauth_max_age 1m; proxy_pass $VCITA_APP; }
    location /broken { vcita_oauth on; error_page 502 /recent; proxy_pass http://127.0.0.1:1; }
    location /refused { vcita_oauth on; vcita_oauth_max_age 1m; error_page 401 /recent; }
    location /shown { vcita_oauth on; vcita_oauth_max_age 1m; error_page 401 /calendar; }
    location /recent { vcita_oauth on; vcita_oauth_max_age 1m; proxy_pass $VCITA_APP; }
END
my $b = logged_in($m, '/', userinfo => { set => { role => 'staff' } });
is $b->get("/$_")->status, 200, "$_: young" for qw( optional any recent );
is scalar($b->res->header('X-In')), '[1]', 'as somebody';
$m->clock(61);

my $r = $b->get('/ruled');
is $r->status, 403, 'rules come first';
is $r->header('X-Error'), '[not_allowed]', 'and say so';
is $b->get('/optional/ruled')->status, 403, 'under optional, too';
for (qw( /optional /then )) {
    $r = $b->get($_);
    is $r->status, 200, "$_: goes on";
    is $r->header('X-In'), '[0]', "$_: as nobody";
    is $r->header('X-Error'), '[]', "$_: which is no error";
}
is $b->get('/any')->status, 403, 'optional grants nothing under satisfy any';
$r = $b->get('/optional/then');
is $r->header('X-In'), '[1]', 'behind an internal redirect the session is there again';

$r = $b->get('/broken');
is $r->status, 502, 'an error never starts a login';
is $r->location, undef, 'so there is no redirect';
too_old($b->post('/refused', { a => 1 }), 401, 'an error page that is gated alike');
$r = $b->post('/shown', { a => 1 });
is $r->status, 401, 'an error page that the session is good for';
is $r->json->{uri}, '/calendar', 'is shown';
like $m->log, qr/Connection refused/, 'that is the log';


=== TEST 3: max_age: an id_token whose auth_time is older than that and 60 s: 403 login_required
--- flow
my $m = machine('a', gate => 'vcita_oauth_userinfo off;', server => site(<<'END'));
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /recent { vcita_oauth on; vcita_oauth_max_age 5m; proxy_pass $VCITA_APP; }
END
my $old = logged_in($m, '/', id_token => { set => { auth_time => 1 } });
is $old->hop->status, 200, 'no auth_time is checked where none was asked for';
my $now = $old->res->header('X-Started') + 301;
$m->clock(301);

for ([ 303, 'absent' ], [ 303, 'null', undef ], [ 303, 'now', $now ], [ 303, 'a minute ahead', $now + 60 ],
     [ 303, 'old, but not too old', $now - 300 ], [ 303, 'within 60 s', $now - 360 ], [ 303, 'a string', '' . ($now - 360) ],
     [ 403, 'too old', $now - 361 ], [ 403, 'long ago', 0 ], [ 403, 'a string that is too old', '' . ($now - 361) ],
     [ 502, 'two minutes ahead', $now + 120 ], [ 502, 'no number', 'yesterday' ], [ 502, 'true', \1 ], [ 502, 'a list', [ $now ] ],
     [ 502, 'negative', -1 ], [ 502, 'empty', '' ])
{
    my ($status, $name, @time) = @$_;
    my $b = $old->clone;
    too_old($b->get('/recent/x'), 302, $name, 300);
    my $r = back($b, $status, id_token => { set => { @time ? (auth_time => $time[0]) : () } })->res;
    is $r->header('X-Error'), $status == 403 ? '[login_required]' : $status == 502 ? '[bad_id_token]' : '[]', "$name: the code";
    if ($status == 303) {
        is $b->hop->status, 200, "$name: in";
        next;
    }
    ok !(grep { /^vcita_session=/ } @{ $r->set_cookies }), "$name: no session";
    like $r->body, qr{<a href="\Q@{[ $m->url('/recent/x') ]}\E"}, "$name: a link to try again";
    is $b->get('/')->status, 200, "$name: the session of before is still there";
}
is scalar(() = $m->log =~ /\[error\].*returned an id_token whose auth_time is older than vcita_oauth_max_age 300 s/g), 3, 'a line at error each';


=== TEST 4: max_age: a subrequest goes on where the session is young enough there, else 401
--- flow
my $m = machine('a', server => site(<<'END'));
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /auth { internal; vcita_oauth on; vcita_oauth_max_age 1m; error_page 401 =200 /; proxy_pass $VCITA_APP; }
    location = /auth-optional {
        internal; vcita_oauth optional; vcita_oauth_max_age 1m; proxy_set_header X-Mail "[$vcita_oauth_claim_email]"; proxy_pass $VCITA_APP;
    }
    location = /auth-any { internal; vcita_oauth on; proxy_pass $VCITA_APP; }
    location /asked { auth_request /auth; proxy_pass $VCITA_APP; }
    location /asked/optional { auth_request /auth-optional; proxy_pass $VCITA_APP; }
    location /asked/any { vcita_oauth optional; vcita_oauth_max_age 1m; auth_request /auth-any; proxy_pass $VCITA_APP; }
END
my $seen = sub { +{ map { lc $_->[0] => $_->[1] } @{ (grep { $_->path eq '/auth-optional' } stub->app_requests)[-1]{headers} } }->{'x-mail'} };
my $b = logged_in($m, '/');
is $b->get("/asked$_")->status, 200, "asked$_: young" for '', qw( /optional /any );
is $seen->(), '[alice@example.biz]', 'optional: as somebody';
$m->clock(61);
my $r = $b->get('/asked');
is $r->status, 401, 'too old';
is $r->location, undef, 'no redirect';
is_deeply $r->set_cookies, [], 'no cookie';
is $b->get('/asked/optional')->status, 200, 'optional goes on';
is $seen->(), '[]', 'as nobody';
is $b->get('/asked/any')->status, 200, 'a location that asks for nothing, from one that does';
is $b->get('/')->status, 200, 'the session is as it was';


=== TEST 5: authorize_args may hold prompt and max_age; where the module needs its own, that one replaces them
--- flow
my $m = machine('a', server => site(<<'END'));
    location / {
        vcita_oauth on;
        vcita_oauth_authorize_args "prompt=consent&a=%20b&&max%5Fage=9&flag&prompt=none&c=prompt";
        vcita_oauth_require $vcita_oauth_claim_email alice@example.biz;
        proxy_pass $VCITA_APP;
    }
    location /recent {
        vcita_oauth on;
        vcita_oauth_max_age 1m;
        vcita_oauth_authorize_args "max_age=9&ui_locales=de&prompt=consent";
        proxy_pass $VCITA_APP;
    }
    location /query {
        vcita_oauth on;
        vcita_oauth_max_age 1m;
        vcita_oauth_authorize_endpoint $VCITA_STUB/app/oauth/authorize?prompt=consent&tenant=a%26b;
        proxy_pass $VCITA_APP;
    }
END
my $b = logged_in($m, '/', userinfo => { set => { email => 'eve@example.biz' } });
my ($begun) = $b->answers;
like $begun->location, qr/&prompt=consent&a=%20b&&max%5Fage=9&flag&prompt=none&c=prompt&redirect_uri=/, 'as they stand there';
my $r = $b->hop;
is $r->status, 403, 'another account is needed';
my ($to) = $r->body =~ /<a href="([^"]*)"/;
$to =~ s/&amp;/&/g;
unlike $to, qr/consent|none/, "the module's own prompt replaces theirs";
like $to, qr/&a=%20b&max%5Fage=9&flag&c=prompt&prompt=login&redirect_uri=/, 'the others stay as they are';

$m->clock(61);
$r = $b->get('/recent');
too_old($r, 302, 'both replaced', 60);
like $r->location, qr/&ui_locales=de&prompt=login&max_age=60&redirect_uri=/, 'the others stay';
$r = $b->get('/query');
too_old($r, 302, "in the endpoint's own query, too", 60);
like $r->location, qr/authorize\?tenant=a%26b&response_type=code&/, 'the others stay there, too';
is $b->get('/recent')->status, 302, 'a login begins';
$b->delete_cookie('vcita_session_login');
$b->come_back(code => stub_code);
is_deeply [ map { $b->res->param($_) } qw( prompt max_age ui_locales ) ], [ qw( login 60 de ) ], 'a login that starts again asks alike';


=== TEST 6: max_age shorter than a login takes: three logins within 60 s, then 403 login_required instead of a fourth
--- flow
my $m = machine('a', server => site('location / { vcita_oauth on; vcita_oauth_max_age 1s; proxy_pass $VCITA_APP; }'));
my $b = logged_in($m, '/slow');
for my $n (1 .. 2) {
    $m->clock(4 * $n);
    too_old($b->hop, 302, "login $n", 1);
    back($b, 303);
}
$m->clock(12);
my $r = $b->hop;
too_old($r, 403, 'no fourth login');
like $r->body, qr{<a href="\Q@{[ $m->url('/slow') ]}\E"}, 'a link to try again';
like $m->log, qr/\[error\].*logins within 60 seconds, but no session was young enough for vcita_oauth_max_age/, 'the log says why';
$m->clock(60);
too_old($b->get('/slow'), 302, 'a minute later', 1);


=== TEST 7: max_age: the page for what is no navigation links to a login, so that what was sent can be sent again
--- flow
my $m = machine('a', server => site(<<'END'));
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /recent { vcita_oauth on; vcita_oauth_max_age 1m; proxy_pass $VCITA_APP; }
    location /api { vcita_oauth on; vcita_oauth_max_age 1m; vcita_oauth_challenge 401; proxy_pass $VCITA_APP; }
END
my $old = logged_in($m, '/');
$m->clock(61);
my $page = 'text/html';
for ([ POST => '/recent/send', '/form', Referer => $m->url('/form') ], [ POST => '/recent/send', '/' ],
     [ GET => '/recent/part?x', '/recent/part?x', 'Sec-Fetch-Mode' => 'cors' ], [ GET => '/api/x', '/api/x', Referer => $m->url('/form') ])
{
    my ($method, $path, $to, @headers) = @$_;
    my $b = $old->clone;
    my $r = $b->request($method, $path, headers => [ Accept => $page, @headers ]);
    too_old($r, 401, "$method $path");
    like $r->body, qr{<h1>Please sign in again</h1>.*Code: <bdi><code>login_required<}s, "$method $path: the page";
    my ($href) = $r->body =~ /<a href="([^"]*)" target="_blank"/;
    $href =~ s/&amp;/&/g;
    like $href, qr/&prompt=login&max_age=60&redirect_uri=/, "$method $path: a link to a login";
    is $b->get($href)->status, 302, "$method $path: vcita answers";
    is $b->hop->status, 303, "$method $path: back";
    is $b->res->location, $m->url($to), "$method $path: at the page to send it from";
    is $b->get('/recent')->status, 200, "$method $path: and in";
}
my $r = asks($old, '/recent');
is $r->header('Content-Type'), 'text/html; charset=utf-8', 'a script of a page';
$r = $old->post('/recent', undef, body => '{}', headers => [ Accept => 'application/json', 'Content-Type' => 'application/json' ]);
is $r->body, "sign in first\n", 'a program gets a line';
is_deeply $r->set_cookies, [], 'and no cookie';


=== TEST 8: a session that is too old for its location can be ended there
--- gate
vcita_oauth_max_age 1s;
--- config
location / { vcita_oauth on; vcita_oauth_max_age off; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth on; vcita_oauth_logout; }
location = /old { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';
wait_for { $b->clone->get('/old')->status == 302 } 10, 'the session to be too old';
is $b->get('/logout')->status, 200, 'out';
is $b->cookie('vcita_session'), undef, 'no session is left in the browser';
is $b->get('/')->status, 302, 'a login';
