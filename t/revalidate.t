# vcita_oauth_revalidate: whether vcita still knows the token of a session.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaMachine;
use VcitaStuck ();
use IO::Socket::INET ();

# a machine; it goes with the flow
sub VcitaFlow::Code::machine { return VcitaMachine->start(@_) }

# the machines at so many seconds from the beginning
sub VcitaFlow::Code::at { my ($seconds, @m) = @_; $_->clock($seconds) for @m }

# a browser that has logged in there
sub VcitaFlow::Code::logged_in {
    my ($m, %do) = @_;
    my $b = VcitaFlow::browser(base => $m->url(''));
    $b->get($m->url('/first'));
    my $r = $b->come_back(code => VcitaStub::stub_code(\%do));
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    VcitaCheck::sent_to_vcita();
    return $b;
}

sub VcitaFlow::Code::email { my ($r) = @_; my %h = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} }; return $h{'x-user'} }

# the token of the last login
sub VcitaFlow::Code::token {
    my ($r) = (VcitaFlow::stub()->requests('/oauth/userinfo'))[-1];
    return substr $r->header('Authorization'), 7;
}

# a browser whose cookie does not change, whatever it is sent
sub VcitaFlow::Code::copy_of {
    my ($b, $m) = @_;
    my $cookie = 'vcita_session=' . $b->cookie('vcita_session');
    return sub { VcitaFlow::browser(base => $m->url(''))->get($m->url($_[0]), headers => [ Cookie => $cookie ]) };
}

# all of it: what is shared with other processes, and what is a process's own
sub VcitaFlow::Code::memory_of {
    my ($pid) = @_;
    my ($shared, $own) = ('', '');
    VcitaFlow::nginx_memory($pid, 's', sub { $shared .= $_[0] });
    VcitaFlow::nginx_memory($pid, 'p', sub { $own .= $_[0] });
    return ($shared, $own);
}

# a connection that sends without waiting for the answers, and reads their statuses
sub VcitaFlow::Code::conn {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => VcitaFlow::port()) or die "connect: $!\n";
    $socket->blocking(0);
    return bless { socket => $socket, round => 0, read => '' }, 'Conn';
}

sub Conn::say { my ($c, @bytes) = @_; my $all = join '', @bytes; (syswrite($c->{socket}, $all) // 0) == length $all or die "write: $!\n" }

sub Conn::statuses {
    my ($c) = @_;
    my @status;
    1 while sysread $c->{socket}, $c->{read}, 65536, length $c->{read};
    push @status, $1 while $c->{read} =~ s{^.*?HTTP/1\.1 (\d\d\d) }{}s;
    return @status;
}

# what the locations below say of who came in
sub VcitaFlow::Code::claims { my ($r) = @_; return $r->status . ' ' . ($r->header('X-Claims') // '') }

my $ROLES = <<'END';
add_header X-Claims "$vcita_oauth_claim_role $vcita_oauth_claim_email" always;
vcita_oauth on;
location / { proxy_pass $VCITA_APP; }
location /owners { vcita_oauth_require $vcita_oauth_claim_role owner; proxy_pass $VCITA_APP; }
location /no { vcita_oauth_revalidate off; proxy_pass $VCITA_APP; }
location /no/owners { vcita_oauth_revalidate off; vcita_oauth_require $vcita_oauth_claim_role owner; proxy_pass $VCITA_APP; }
END
sub VcitaFlow::Code::roles { return (server => $ROLES, @_) }

run_tests();

__DATA__

=== TEST 1: vcita_oauth_revalidate: re-ask userinfo at most once per `time` a session
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;');
my $b = logged_in($m);
at(299, $m);
is $b->get($m->url)->status, 200, 'in, before it is due';
is sent_to_vcita(), '', 'nobody was asked';
at(300, $m);
is $b->get($m->url)->status, 200, 'in, when it is due';
is sent_to_vcita(), 'userinfo', 'vcita was asked';
is $b->get($m->url)->status, 200, 'in' for 1 .. 5;
is $b->clone->get($m->url)->status, 200, 'in, by a copy';
is sent_to_vcita(), '', 'and not again';
at(600, $m);
is $b->get($m->url, headers => [ 'X-Requested-With' => 'XMLHttpRequest' ])->status, 200, 'what is no navigation asks, too';
is sent_to_vcita(), 'userinfo', 'once per interval';
is_deeply $b->res->set_cookies, [], 'the same claims: no cookie';
is_deeply [ $m->stop ], [], 'nothing to warn of';


=== TEST 2: 401 there ends the session at once, and copies of the cookie, too, until its own end
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;');
my $b = logged_in($m);
my $copy = $b->clone;
stub->revoke(token);
at(299, $m);
is $b->get($m->url)->status, 200, 'not asked yet';
at(300, $m);
is $b->get($m->url, headers => [ 'X-Requested-With' => 'XMLHttpRequest' ])->status, 401, 'out, and at once';
is sent_to_vcita(), 'userinfo', 'vcita said so';
is $b->get($m->url)->status, 302, 'a navigation logs in anew';
is $copy->get($m->url)->status, 302, 'a copy is out, too';
at(20000, $m);
is $copy->get($m->url)->status, 302, 'for hours';
is sent_to_vcita(), '', 'without asking';
like $m->log, qr/\[notice\].*revalidation ended a session: vcita no longer accepts its token/, 'the log says so';
$b->get($m->url);
my $r = $b->come_back(code => stub_code);
is $r->status, 303, 'a new login';
is $b->get($m->url)->status, 200, 'is a new session';
$m->stop;


=== TEST 3: the same in locations of the application that do not revalidate themselves
--- flow
my $m = machine('a', gate => '', server => <<'END');
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /asks { vcita_oauth on; vcita_oauth_revalidate 5m; proxy_pass $VCITA_APP; }
location /asks/not { vcita_oauth on; vcita_oauth_revalidate off; proxy_pass $VCITA_APP; }
END
my $b = logged_in($m);
stub->revoke(token);
at(3000, $m);
is $b->get($m->url($_))->status, 200, "$_ does not ask" for '/', '/asks/not';
is sent_to_vcita(), '', 'nobody was asked';
is $b->get($m->url('/asks'))->status, 302, '/asks does';
is sent_to_vcita(), 'userinfo', 'vcita said no';
is $b->get($m->url($_))->status, 302, "$_ knows" for '/', '/asks/not', '/asks';
$m->stop;


=== TEST 4: changed claims are taken over, those that are gone, too; an id_token's stay
--- flow
my $m = machine('a', gate => "vcita_oauth_revalidate 5m;\nvcita_oauth_userinfo on;", server => <<'END');
location / {
    vcita_oauth on;
    vcita_oauth_require $vcita_oauth_claim_role owner staff;
    add_header X-Claims "$vcita_oauth_claim_email|$vcita_oauth_claim_role|$vcita_oauth_claim_iss|$vcita_oauth_claim_business_name" always;
    proxy_pass $VCITA_APP;
}
END
my $b = VcitaFlow::browser(base => $m->url(''));
$b->get($m->url('/first'));
$b->come_back(code => stub_code({ id_token => id_token($b, set => { iat => time - 600 }) }));
is $b->get($m->url)->header('X-Claims'), "alice\@example.biz|owner|https://app.vcita.com|Alice's Bakery", 'at first';
sent_to_vcita();

stub->userinfo(token, { set => { email => 'new@example.biz', role => 'staff' }, omit => ['business_name'] });
at(300, $m);
my $r = $b->get($m->url);
is $r->header('X-Claims'), 'new@example.biz|staff|https://app.vcita.com|', 'in the very request that asked';
is sent_to_vcita(), 'userinfo', 'it asked';
like join(' ', @{ $r->set_cookies }), qr/^vcita_session=\S+; Max-Age=28500; /, 'its cookie, for what is left';
is scalar($r->header('Cache-Control')), 'private', 'private';
$r = $b->get($m->url);
is $r->header('X-Claims'), 'new@example.biz|staff|https://app.vcita.com|', 'and after it';
is_deeply $r->set_cookies, [], 'once';

stub->userinfo(token, { set => { role => 'guest' } });
at(600, $m);
is $b->get($m->url)->status, 403, 'a rule sees them, too';
$m->stop;


=== TEST 5: another `sub` for the token: the session ends
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;');
my $b = logged_in($m);
stub->userinfo(token, { set => { sub => 'somebody-else' } });
at(300, $m);
is $b->get($m->url)->status, 302, 'out';
like $m->log, qr/revalidation ended a session: userinfo names another "sub"/, 'the log says so';
$m->stop;


=== TEST 6: vcita unreachable or failing: it lives up to `stale` after the last good answer; asked again at most every 10 s
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m stale=1h;');
my $b = logged_in($m);
my $at = 300;
for my $do ({ status => 500 }, { status => 429 }, { status => 503 }, { status => 403, body => '<html>' }, { body => 'x' }, { close => 1 }, { body => '{}' }) {
    stub->userinfo(token, $do);
    at($at, $m);
    my $how = join ' ', %$do;
    is $b->get($m->url)->status, 200, "$how: in";
    like sent_to_vcita(), qr/^userinfo/, "$how: asked";     # curl sends again on a connection that was closed
    at($at + 9, $m);
    is $b->get($m->url)->status, 200, "$how: in";
    is sent_to_vcita(), '', "$how: not asked again for 10 s";
    $at += 10;
}
like $m->log, qr/\[warn\].*a session could not be revalidated, userinfo endpoint "[^"]*" returned status 500/, 'the log says so';
like $m->log, qr/userinfo endpoint "[^"]*" returned status 403: a firewall in front of the endpoint/, 'and what a 403 without JSON is';
at(3600, $m);
is $b->get($m->url)->status, 200, 'in until the hour is over';
at(3611, $m);
is $b->get($m->url)->status, 302, 'out then';
at(3612, $m);
is $b->get($m->url)->status, 302, 'out while nobody is asked';
stub->userinfo(token, {});
at(3622, $m);
is $b->get($m->url)->status, 200, 'vcita is back, and knows it';
at(3923, $m);
is $b->get($m->url)->status, 200, 'as before';
$m->stop;


=== TEST 7: without `stale` a fault of vcita ends no session
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;');
my $b = logged_in($m);
stub->userinfo(token, { status => 500 });
for my $at (300, 7000, 28000) {
    at($at, $m);
    is $b->get($m->url)->status, 200, "in after $at s";
}
at(28800, $m);
is $b->get($m->url)->status, 302, 'out at its own end';
$m->stop;


=== TEST 8: one asks, the other requests go on with what they have
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;', workers => 2);
my $b = logged_in($m);
stub->userinfo(token, { hold => 1 });
at(300, $m);
my $crowd = crowd;
$crowd->add($b->clone, GET => $m->url) for 1 .. 20;
$crowd->start;
$crowd->until(sub { $crowd->pending == 1 }, 10, 'all but one answered');
is sent_to_vcita(), 'userinfo', 'one call, of all workers';
stub->release;
my @r = $crowd->finish;
is join(' ', map { $_->status } @r), join(' ', (200) x 20), 'all are in';
is sent_to_vcita(), '', 'one call';
is_deeply [ $m->stop ], [], 'nothing to warn of';


=== TEST 9: the browser goes away while vcita is asked: nothing leaks, and nobody asks at once
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;');
my $b = logged_in($m);
stub->userinfo(token, { hold => 1 });
at(300, $m);
my $crowd = crowd;
$crowd->add($b->clone, GET => $m->url);
$crowd->start;
$crowd->until(sub { stub->exchanges }, 5, 'the call');
$crowd->abort(0);
wait_for { !stub->exchanges || stub->open_connections <= 1 } 5, 'the call is given up';
sent_to_vcita();
is $b->get($m->url)->status, 200, 'in';
is sent_to_vcita(), '', 'not asked again for 10 s';
stub->release;
stub->userinfo(token, {});
at(311, $m);
is $b->get($m->url)->status, 200, 'in';
is sent_to_vcita(), 'userinfo', 'then it is';
is_deeply [ $m->stop ], [], 'nothing to warn of';


=== TEST 10: it takes a free slot of the pace, or waits for the next request
--- flow
my $m = machine('a', gate => "vcita_oauth_revalidate 1s;\nvcita_oauth_rate 1r/m;\nvcita_oauth_userinfo off;");
my $b = logged_in($m);
at(30, $m);
is $b->get($m->url)->status, 200, 'in';
is sent_to_vcita(), '', 'no slot is free: nobody was asked';
my $r = browser(base => $m->url(''));
$r->get($m->url('/other'));
is $r->come_back(code => stub_code)->status, 503, 'logins neither';
$m->stop;


=== TEST 11: a session in a zone: 401 ends it there, changed claims go there
--- flow
my $m = machine('a', gate => "vcita_oauth_revalidate 5m;\nvcita_oauth_session_store zone=sessions:1m;");
my $b = logged_in($m);
my $id = $b->cookie('vcita_session');
stub->userinfo(token, { set => { email => 'new@example.biz' } });
at(300, $m);
my $r = $b->get($m->url);
is $r->status, 200, 'in';
is $b->cookie('vcita_session'), $id, 'the same id';
stub->userinfo(token, {});
stub->revoke(token);
at(600, $m);
is $b->get($m->url)->status, 302, 'out';
$m->stop;


=== TEST 12: a reload keeps what is known; a restart asks once, and ends nothing
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m stale=10m;');
my $b = logged_in($m);
my $dead = logged_in($m);
stub->revoke(token);
at(300, $m);
is $dead->get($m->url)->status, 302, 'one is out';
is $b->get($m->url)->status, 200, 'one is in';
sent_to_vcita();
$m->configure(gate => "vcita_oauth_revalidate 5m stale=10m;\nvcita_oauth_timeout 9s;");
is $dead->get($m->url)->status, 302, 'still out after a reload';
is $b->get($m->url)->status, 200, 'still in';
is sent_to_vcita(), '', 'nobody was asked';
$m->stop;


=== TEST 13: unknown values
--- http_config
vcita_oauth_revalidate 0;
--- gate
--- config
--- must_die
--- error_log
invalid time "0"


=== TEST 14: unknown values: stale
--- http_config
vcita_oauth_revalidate 5m stale=x;
--- gate
--- config
--- must_die
--- error_log
invalid parameter "stale=x"


=== TEST 15: stale shorter than the interval
--- http_config
vcita_oauth_revalidate 5m stale=4m;
--- gate
--- config
--- must_die
--- error_log
has a stale time shorter than its interval


=== TEST 16: a request that nginx itself refuses does not wait for vcita
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;', server => <<'END');
error_page 400 /bad.html;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /bad.html { vcita_oauth on; proxy_pass $VCITA_APP; }
END
my $b = logged_in($m);
at(300, $m);
my $r = $b->raw('127.0.0.1', $m->port, "GET / HTTP/1.1\r\nCookie: vcita_session=" . $b->cookie('vcita_session') . "\r\nHost: a b\r\n\r\n");
like $r->body, qr{^HTTP/1\.1 400 }, 'refused';
is sent_to_vcita(), '', 'nobody was asked';
is $b->get($m->url)->status, 200, 'the next request';
is sent_to_vcita(), 'userinfo', 'asks';
is_deeply [ $m->stop ], [], 'nothing to warn of';


=== TEST 17: of several cookies, one whose session has ended counts for nothing
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;');
my $dead = logged_in($m);
stub->revoke(token);
at(300, $m);
is $dead->get($m->url)->status, 302, 'one session has ended';
my $b = logged_in($m);
my ($old, $new) = map { 'vcita_session=' . $_->cookie('vcita_session') } $dead, $b;
my $with = sub { browser(base => $m->url(''))->get($m->url, headers => [ Cookie => $_[0] ])->status };
is $with->("$old; $new"), 200, 'the other one is behind it';
is $with->("$new; $old"), 200, 'or before it';
is $with->("$old; $old"), 302, 'twice nothing';
is_deeply [ grep { !/has ended/ } $m->stop ], [], 'nothing to warn of';


=== TEST 18: bodies, pipelining, HTTP/1.0, Upgrade and Expect while vcita is asked
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;');
my $b = logged_in($m);
my $cookie = 'vcita_session=' . $b->cookie('vcita_session');
my $host = '127.0.0.1:' . $m->port;
stub->userinfo(token, { delay => 0.2 });

at(300, $m);
my $body = join '', map { chr 97 + $_ % 26 } 1 .. 200_000;
my $r = $b->request(POST => $m->url, body => $body);
is $r->status, 200, 'a post';
is length $r->json->{body}, length $body, 'with its body';
is sent_to_vcita(), 'userinfo', 'vcita was asked meanwhile';

at(600, $m);
$r = $b->raw('127.0.0.1', $m->port, join '', map {
    "GET /$_ HTTP/1.1\r\nHost: $host\r\nCookie: $cookie\r\n" . ($_ == 5 ? "Connection: close\r\n" : '') . "\r\n" } 1 .. 5);
is join(' ', $r->body =~ m{^HTTP/1\.1 (\d{3}) }mg), '200 200 200 200 200', 'pipelined';
is join(' ', $r->body =~ m{"uri":"/(\d)"}g), '1 2 3 4 5', 'in their order';
is sent_to_vcita(), 'userinfo', 'the first one asked';

my $at = 900;
for my $head ("GET / HTTP/1.0\r\n", "GET / HTTP/1.1\r\nHost: $host\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n",
              "POST / HTTP/1.1\r\nHost: $host\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n")
{
    at($at, $m);
    $r = $b->raw('127.0.0.1', $m->port, $head . "Cookie: $cookie\r\n\r\n" . ($head =~ /^POST/ ? 'abc' : ''));
    like $r->body, qr{^HTTP/1\.[01] 200 }m, (split /\r/, $head)[0] . ': in';
    is sent_to_vcita(), 'userinfo', 'having asked';
    $at += 300;
}
is_deeply [ grep { !/temporary file/ } $m->stop ], [], 'nothing to warn of';


=== TEST 19: hostile answers to the question end nothing and change nothing
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;', server => <<'END');
location / { vcita_oauth on; add_header X-Who "$vcita_oauth_claim_sub $vcita_oauth_claim_email" always; proxy_pass $VCITA_APP; }
END
my $b = logged_in($m);
my $at = 300;
for my $do ({ status => 302, body => '', headers => { Location => $m->url } }, { status => 204, body => '' }, { body => '[]' },
            { body => '{"sub":"a383717599bf1893","sub":"b"}' }, { body => '{"sub":1}' }, { body => '{"sub":"a383717599bf1893\u0000"}' },
            { json => { sub => 'a383717599bf1893', x => 'x' x 70000 } }, { raw => "garbage\r\n\r\n" }, { status => 407 })
{
    stub->userinfo(token, $do);
    at($at, $m);
    my $r = $b->get($m->url);
    is $r->status, 200, substr(encode_json($do), 0, 60) . ': in';
    is scalar($r->header('X-Who')), 'a383717599bf1893 alice@example.biz', 'as before';
    is_deeply $r->set_cookies, [], 'no cookie';
    $at += 300;
}
stub->userinfo(token, { set => { email => "a\r\nX-Evil: 1", map { ("c$_" => 'y' x 200) } 1 .. 40 } });
at($at, $m);
my $r = $b->get($m->url);
is $r->status, 200, 'more than fits: in';
is $r->header('X-Evil'), undef, 'no header of its own';
is scalar($r->header('X-Who')), 'a383717599bf1893', 'a claim with a line end is dropped';
cmp_ok length $b->cookie('vcita_session'), '<=', 3800, 'a cookie that fits';
is $b->get($m->url)->status, 200, 'and that opens';
$m->stop;


=== TEST 20: vcita takes a role away: a copy of the old cookie is let in by it no more, in any location or worker
--- flow
my $m = machine('a', roles(gate => 'vcita_oauth_revalidate 5m;', workers => 2));
my $b = logged_in($m);
my $copy = copy_of($b, $m);
is claims($copy->('/owners')), '200 owner alice@example.biz', 'at first';

stub->userinfo(token, { set => { role => 'guest', email => 'new@example.biz' } });
at(300, $m);
is claims($b->get($m->url('/owners'))), '403 guest new@example.biz', 'vcita was asked';
is sent_to_vcita(), 'userinfo', 'once';
for my $path ('/owners', '/no/owners') {
    is join(' ', map { claims($copy->($path)) } 1 .. 10), join(' ', ('403 guest new@example.biz') x 10), "the copy at $path";
}
is claims($copy->($_)), '200 guest new@example.biz', "the copy at $_" for '/', '/no';
is sent_to_vcita(), '', 'without asking';

stub->userinfo(token, { status => 500 });
at(600, $m);
is claims($copy->('/owners')), '403 guest new@example.biz', 'nor while vcita fails';
like sent_to_vcita(), qr/^userinfo/, 'having asked';
$m->configure(gate => "vcita_oauth_revalidate 5m;\nvcita_oauth_timeout 9s;");
is claims($copy->('/owners')), '403 guest new@example.biz', 'nor after a reload';

# given back: the same copies know that, too
stub->userinfo(token, { set => { role => 'owner' } });
at(900, $m);
is claims($b->get($m->url('/owners'))), '200 owner alice@example.biz', 'in again';
is claims($copy->('/owners')), '200 owner alice@example.biz', 'the copy, too';
sent_to_vcita();
$m->stop;


=== TEST 21: vcita takes a role away, and no slot of the rate is free: the copy of the old cookie is not let in by it
--- flow
my $m = machine('a', roles(gate => "vcita_oauth_revalidate 5m;\nvcita_oauth_rate 12r/m;"));
my $b = logged_in($m);
my $copy = copy_of($b, $m);
stub->userinfo(token, { set => { role => 'guest' } });
my $now = 300;
wait_for { at($now++, $m); claims($b->get($m->url('/owners'))) eq '403 guest alice@example.biz' } 10, 'a slot, and vcita to be asked';
is sent_to_vcita(), 'userinfo', 'with the next slot';
at(900, $m);
is claims($copy->('/owners')), '403 guest alice@example.biz', 'the copy';
is sent_to_vcita(), '', 'nobody was asked';
$m->stop;


=== TEST 22: an old copy that is sealed anew, for its idle time, brings no old claims back
--- flow
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => port() + 1, Listen => 5, ReuseAddr => 1)
    or die "listen: $!";
my %conf = roles(gate => "vcita_oauth_revalidate 5m;\nvcita_oauth_session_idle_timeout 30m;", with => { UPSTREAM => port() + 1 });
$conf{server} .= 'location /slow { proxy_pass http://127.0.0.1:$UPSTREAM; }';
my $m = machine('a', %conf);
my $b = logged_in($m);
my $copy = copy_of($b, $m);
at(290, $m);

# an answer that takes long, and ends with the cookie of a session that was looked up before
my $crowd = crowd;
my $late = $b->clone;
$crowd->add($late, GET => $m->url('/slow'));
$crowd->start;
my $up;
$crowd->until(sub { $listen->blocking(0); $up = $listen->accept }, 10, 'the upstream to be asked');

stub->userinfo(token, { set => { role => 'guest' } });
at(300, $m);
is claims($b->get($m->url('/owners'))), '403 guest alice@example.biz', 'vcita was asked';
sent_to_vcita();
$up->sysread(my $request, 65536);
print $up "HTTP/1.0 200 OK\r\n\r\nslow";
close $up;
my ($r) = $crowd->finish;
is $r->status, 200, 'the slow answer';
like join(' ', @{ $r->set_cookies }), qr/^vcita_session=\S+; Max-Age=1800; /, 'brings a cookie';

at(500, $m);
$r = $copy->('/');
is claims($r), '200 guest alice@example.biz', 'a navigation of the copy';
my ($again) = join(' ', @{ $r->set_cookies }) =~ /^vcita_session=([^;]+); Max-Age=1800; /;
ok $again, 'is sealed anew';

# nothing but the cookies is left
stub->userinfo(token, { status => 500 });
$m->replace;
at(510, $m);
is claims(copy_of($late, $m)->('/')), '200 guest alice@example.biz', 'the cookie of the slow answer has the new claims';
$late->set_cookie('vcita_session', $again) if $again;
is claims(copy_of($late, $m)->('/')), '200 guest alice@example.biz', 'and so has that of the copy';

# which is told to those that know less
is claims($copy->('/owners')), '403 guest alice@example.biz', 'and the old one is bound by it';
sent_to_vcita();
$m->stop;


=== TEST 23: an old copy that goes on gets a cookie with the new claims, by a navigation
--- flow
my $m = machine('a', roles(gate => 'vcita_oauth_revalidate 5m;'));
my $b = logged_in($m);
my $copy = $b->clone;
stub->userinfo(token, { set => { role => 'guest' } });
at(300, $m);
$b->get($m->url);
sent_to_vcita();
my $r = $copy->get($m->url, headers => [ 'X-Requested-With' => 'XMLHttpRequest' ]);
is claims($r), '200 guest alice@example.biz', 'what is no navigation';
is_deeply $r->set_cookies, [], 'brings no cookie';
$r = $copy->get($m->url);
like join(' ', @{ $r->set_cookies }), qr/^vcita_session=\S+; Max-Age=28500; /, 'a navigation does';
is scalar($r->header('Cache-Control')), 'private', 'private';
is_deeply $copy->get($m->url)->set_cookies, [], 'once';
$m->stop;


=== TEST 24: vcita takes a role away: a session in a zone is bound, in each location and worker
--- flow
my $m = machine('a', roles(gate => "vcita_oauth_revalidate 5m;\nvcita_oauth_session_store zone=sessions:1m;", workers => 2));
my $b = logged_in($m);
is claims($b->get($m->url('/owners'))), '200 owner alice@example.biz', 'in';
my $copy = copy_of($b, $m);
stub->userinfo(token, { set => { role => 'guest' } });
at(300, $m);
is claims($b->get($m->url('/owners'))), '403 guest alice@example.biz', 'vcita was asked';
sent_to_vcita();
for my $path ('/owners', '/no/owners') {
    is join(' ', map { claims($copy->($path)) } 1 .. 5), join(' ', ('403 guest alice@example.biz') x 5), "the copy at $path";
}
is_deeply $copy->('/')->set_cookies, [], 'no cookie: the store has it';
is sent_to_vcita(), '', 'nobody was asked';
$m->stop;


=== TEST 25: of claims that have changed, shared memory shows nothing; of their session's text, the worker's memory
--- flow
my $m = machine('a', roles(gate => 'vcita_oauth_revalidate 5m;'));
my $b = logged_in($m);
my $mark = join '', map { chr 97 + int rand 26 } 1 .. 24;
stub->userinfo(token, { set => { email => $mark } });
at(300, $m);
like claims($b->get($m->url)), qr/^200 owner $mark$/, 'taken over';
sent_to_vcita();

my ($pid) = $m->workers;
my ($shared, $own) = memory_of($pid);
cmp_ok length $shared, '>=', 8 * 1024 * 1024, 'shared memory';
is index($shared, $mark), -1, 'shows no claim';
cmp_ok length $own, '>=', 1024 * 1024, 'memory of the worker';
cmp_ok index($own, $mark), '>', 0, 'has seen the claim';
wait_for { index((memory_of($pid))[1], "email$mark") < 0 } 5, 'no text of a session that it is in, when the request has ended';
is claims(copy_of($b, $m)->('/')), "200 owner $mark", 'which goes on';
$m->stop;


=== TEST 26: a worker is killed while it writes down what vcita said: sessions go on, and are asked about again
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;');
my ($b, $other) = map { logged_in($m) } 1 .. 2;
at(300, $m);
is $b->get($m->url)->status, 200, 'the first entry';
sent_to_vcita();

my ($first) = $m->workers;
VcitaStuck::stuck_at($first, 'ngx_rbtree_insert_value');
my $crowd = crowd;
$crowd->add($other->tab, GET => $m->url);
$crowd->start;
$crowd->until(sub { VcitaStuck::zone_holder($first, 8 * 1024 * 1024) == $first }, 10, 'the worker to be in the midst of it');
kill KILL => $first;
wait_for { $m->log =~ /"vcita_oauth_verdicts" was locked by $first/ } 5, 'the master to say so';
$crowd->finish;
wait_for { my ($pid) = $m->workers; $pid && $pid != $first } 10, 'the next worker';

is $_->get($m->url)->status, 200, 'in' for $b, $other;
is sent_to_vcita(), 'userinfo userinfo', 'both were asked about again';
is $b->get($m->url)->status, 200, 'in';
is sent_to_vcita(), '', 'once';
is scalar(() = $m->log =~ /\[alert\].*shared memory zone "vcita_oauth_verdicts" was emptied, a process died/g), 1, 'a word about it';
$m->stop;


=== TEST 27: a claim that a rule depends on and that has become too large to be kept ends the session, its old value lets nobody in
--- flow
my $m = machine('a', gate => "vcita_oauth_revalidate 5m;", http => 'map $vcita_oauth_claim_note $may { default yes; ~^blocked no; }', server => <<'END');
location / { vcita_oauth on; vcita_oauth_require $may yes; proxy_pass $VCITA_APP; }
END
my $b = logged_in($m);
is $b->get($m->url)->status, 200, 'at first';
my $copy = $b->clone;
stub->userinfo(token, { set => { note => 'blocked ' . 'x' x 1024 } });
at(300, $m);
is $b->get($m->url)->status, 302, 'a new login';
is $copy->get($m->url)->status, 302, 'for a copy of the cookie, too';
like $m->log, qr/revalidation ended a session: it cannot keep a claim that a vcita_oauth_require may depend on/, 'the log says why';
$m->stop;


=== TEST 28: userinfo says null in place of an object: what an id_token said of its members is gone
--- flow
my $m = machine('a', gate => "vcita_oauth_revalidate 5m;\nvcita_oauth_userinfo on;", server => <<'END');
location / { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_staff__role owner; proxy_pass $VCITA_APP; }
location /any { vcita_oauth on; add_header X-Role "[$vcita_oauth_claim_staff__role|$vcita_oauth_claim_team__role]" always; proxy_pass $VCITA_APP; }
END
my $login = sub {
    my ($userinfo) = @_;
    my $b = VcitaFlow::browser(base => $m->url(''));
    $b->get($m->url('/any'));
    # the machine's clock has stood still since the file began
    $b->come_back(code => stub_code({ id_token => id_token($b, set => { iat => time - 600, staff => { role => 'owner' }, team => { role => 'lead' } }),
        userinfo => $userinfo }));
    return $b;
};
my $b = $login->({});
my $token = token;
is $b->get($m->url('/any'))->header('X-Role'), '[owner|lead]', 'at first';
is $login->({ set => { staff => undef } })->get($m->url('/'))->status, 403, 'null at the login';
stub->userinfo($token, { set => { staff => undef, team => {} } });
at(300, $m);
is $b->get($m->url)->status, 403, 'null at a revalidation';
is $b->get($m->url('/any'))->header('X-Role'), '[|lead]', 'an object takes nothing away';
$m->stop;


=== TEST 29: a clock that went ahead and back: a token that was revoked meanwhile opens nothing until the clock catches up
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m stale=10m;');
my ($b, $late) = map { logged_in($m) } 1 .. 2;
at(7200, $m);
is $b->get($m->url)->status, 200, 'asked about two hours ahead';
stub->always({ userinfo => { status => 500 } });
is $late->get($m->url)->status, 200, 'asked about, without an answer';
like sent_to_vcita(), qr/^userinfo userinfo/, 'vcita was asked';
stub->always({});

at(600, $m);
is $late->get($m->url)->status, 200, 'back: in';
is sent_to_vcita(), 'userinfo', 'a time to ask again that is in the future counts as come';
is $b->get($m->url)->status, 200, 'the other one';
is sent_to_vcita(), 'userinfo', 'an answer in the future counts as due';
is $b->get($m->url)->status, 200, 'in';
is sent_to_vcita(), '', 'once';

stub->always({ userinfo => { status => 401 } });
at(900, $m);
is $_->get($m->url)->status, 302, 'out' for $b, $late;
$m->stop;


=== TEST 30: a clock that goes back while vcita fails: stale counts from then, not from when the clock catches up
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m stale=10m;');
my $b = logged_in($m);
at(7200, $m);
is $b->get($m->url)->status, 200, 'asked about two hours ahead';
stub->always({ userinfo => { status => 500 } });
for my $at (600, 611, 880) {
    at($at, $m);
    is $b->get($m->url)->status, 200, "in at $at s";
}
at(912, $m);
is $b->get($m->url)->status, 302, 'out when stale is over';
$m->stop;


=== TEST 31: a session that a clock 60 s ahead has begun is not asked about before its time
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;', clock => 60);
my $b = logged_in($m);
at(0, $m);
is $b->get($m->url)->status, 200, 'in';
is sent_to_vcita(), '', 'nobody was asked';
at(360, $m);
is $b->get($m->url)->status, 200, 'in';
is sent_to_vcita(), 'userinfo', 'then vcita was';
$m->stop;


=== TEST 32: Redis is down while a clock goes ahead and back: the log goes on to say so, once in its time
--- flow
my $m = machine('a', gate => 'vcita_oauth_session_store redis://127.0.0.1:1 connect_timeout=100ms timeout=200ms;', clock => 7200);
my $said = sub { scalar(() = $m->log =~ /\[error\].*vcita_oauth_session_store "redis:\S+" (?:cannot be reached|is unreachable)/g) };
my $ask = sub { browser()->get($m->url, headers => [ Cookie => 'vcita_session=' . 'A' x 43 ])->status };
wait_for { $ask->(); $said->() } 5, 'the log to say so';
at(10800, $m);
is $ask->(), 503, 'unavailable';
is $said->(), 1, 'an hour ahead, in no time: not again';
my $before = $said->();
at(0, $m);
wait_for { $ask->(); $said->() > $before } 30, 'two hours back: said again in its time';
$m->stop;


=== TEST 33: a zone of sessions is full while a clock goes ahead: the log says it once in its time
--- flow
my $m = machine('a', gate => "vcita_oauth_rate off;\nvcita_oauth_session_store zone=sessions:32k;");
my $said = sub { scalar(() = $m->log =~ /session zone "sessions" is full/g) };
for (1 .. 120) { logged_in($m); last if $said->() }
is $said->(), 1, 'full';
at(3600, $m);
logged_in($m) for 1 .. 2;
is $said->(), 1, 'an hour ahead, in no time: not again';
$m->stop;


=== TEST 34: more sessions than the rate can revalidate: vcita knows all of them, so none ends; the slots are used, and the log says what is wrong
--- gate
vcita_oauth_revalidate 5s stale=10s;
vcita_oauth_rate 4r/s;
--- config
location / { vcita_oauth on; try_files /none =204; }
--- flow
return pass 'a rush of 19 s, once' if round;
my $m = machine('a', gate => 'vcita_oauth_rate off;');
my @cookie = map {
    my $b = browser(base => $m->url(''));
    $b->get($m->url('/first'));
    $b->come_back(code => stub_code);
    'vcita_session=' . $b->cookie('vcita_session');
} 1 .. 250;
my $seconds = 19;

# fifty connections of five people each, who all come once a second
my ($began, $from) = map { $_ + 0.1 } VcitaLoop::now(), Time::HiRes::time();
my @c = map { conn($_) } 0 .. 49;
my ($n, %tally) = (0);
my $some = sub {
    for my $i (0 .. $#c) {
        my $c = $c[$i];
        if ($c->{round} < $seconds && VcitaLoop::now() >= $began + $c->{round} + $i / @c) {
            $c->{round}++;
            $c->say(map { "GET / HTTP/1.1\r\nHost: a\r\nCookie: $_\r\n\r\n" } @cookie[ 5 * $i .. 5 * $i + 4 ]);
        }
        for ($c->statuses) { $tally{$_}++; $n++ }
    }
};

my $crowd = crowd;
my $login = begun('/');
$crowd->add($login, GET => $login->callback_url(code => stub_code), after => 6);
$crowd->start;
my $all = @cookie * $seconds;
$crowd->until(sub { $some->(); $n == $all && !$crowd->pending }, 3 * $seconds, 'all answers');
is_deeply \%tally, { 204 => $all }, "all sessions are in at all of $all requests";
is join(' ', map { $_->status } $crowd->answers), 303, 'and so is a login';
cmp_ok +($crowd->waits)[0]{seconds}, '<', 6, 'which came first';

# four in 1.1 s, but for the first and the last second
my @call = grep { $_->time > $from + 1 && $_->time <= $from + $seconds } stub->requests('/oauth/userinfo');
cmp_ok scalar(@call), '>=', 0.9 * ($seconds - 1) * 4 / 1.1, 'the slots are used: ' . @call . ' calls';
is scalar(() = error_log() =~ /\[warn\].*vcita_oauth_rate/g), 1, 'the log says so, once';


=== TEST 35: no slot of the rate is free for longer than stale: the session goes on, since no call has failed
--- flow
my $m = machine('a', gate => "vcita_oauth_revalidate 1m stale=2m;\nvcita_oauth_userinfo off;\nvcita_oauth_rate 1r/m;");
# its call takes the slot of a minute; the clock of the sessions is another one than that of the rate
my $b = logged_in($m);
for my $at (60, 130, 300, 3600) {
    at($at, $m);
    is $b->get($m->url)->status, 200, "in at $at s";
}
is sent_to_vcita(), '', 'nobody was asked';
like $m->log, qr/\[warn\].*vcita_oauth_rate has no free slot for vcita_oauth_revalidate/, 'the log says why';
$m->stop;


=== TEST 36: a browser that always goes away while vcita is asked: its calls count towards stale
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m stale=10m;');
my $b = logged_in($m);
stub->userinfo(token, { hold => 1 });
for my $at (300, 590, 601) {
    at($at, $m);
    my $crowd = crowd;
    $crowd->add($b->clone, GET => $m->url);
    $crowd->start;
    $crowd->until(sub { stub->exchanges }, 5, 'the call');
    $crowd->abort(0);
    wait_for { !stub->exchanges } 5, 'the call is given up';
    is $b->get($m->url)->status, $at > 600 ? 302 : 200, $at > 600 ? 'out' : "in at $at s";
    stub->release;
}
$m->stop;


=== TEST 37: after a night, the first request asks, and those beside it go on until vcita answers
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m stale=10m;');
my $b = logged_in($m);
my $token = token;
at(300, $m);
is $b->get($m->url)->status, 200, 'asked about in the evening';
stub->userinfo($token, { hold => 1 });
at(25000, $m);
my $crowd = crowd;
$crowd->add($b->clone, GET => $m->url) for 1 .. 6;
$crowd->start;
$crowd->until(sub { $crowd->pending == 1 }, 10, 'all but one answered');
stub->release;
is join(' ', map { $_->status } $crowd->finish), '200 200 200 200 200 200', 'all are in';
$m->stop;


=== TEST 38: a named claim that has become too large to be kept is a line at warn with its name and size, once
--- flow
my $m = machine('a', gate => 'vcita_oauth_revalidate 5m;', server => <<'END');
location / { vcita_oauth on; proxy_set_header X-Note $vcita_oauth_claim_note; proxy_pass $VCITA_APP; }
END
my $b = logged_in($m, userinfo => { set => { note => 'small' } });
stub->userinfo(token, { set => { note => 'x' x 1025 } });
at(300, $m);
is $b->get($m->url)->status, 200, 'the session goes on';
my @line = grep { /\[warn\]/ } split /\n/, $m->log;
is scalar(@line), 1, 'one line';
like $line[0], qr/the claim "note" \(1025 bytes\) is too large for the session, its variable is empty/, 'that names it';
unlike $m->log, qr/xxx/, 'without its value';
at(600, $m);
is $b->get($m->url)->status, 200, 'asked again, and nothing has changed';
is scalar(grep { /\[warn\]/ } split /\n/, $m->log), 1, 'no further line';
$m->stop;
