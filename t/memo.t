# What a worker remembers of the cookies that it has opened: each check of a session is made anew at each request, an
# entry is there as long as a request uses it, and what has gone is wiped.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaMachine;

# a machine; it goes with the flow
sub VcitaFlow::Code::machine { return VcitaMachine->start(@_) }

# the machines at so many seconds from the beginning
sub VcitaFlow::Code::at { my ($seconds, @m) = @_; $_->clock($seconds) for @m }

# the cookie of a login there, whose e-mail address this is; where it is used, its token was never seen
sub VcitaFlow::Code::session_of {
    my ($m, $email, %claims) = @_;
    my $b = VcitaFlow::browser(base => $m->url(''));
    $b->get($m->url('/first'));
    my $r = $b->come_back(code => VcitaStub::stub_code({ userinfo => { set => { email => $email, %claims } } }));
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    VcitaCheck::sent_to_vcita();
    return $b->cookie('vcita_session');
}

# the token of the last login
sub VcitaFlow::Code::token {
    my ($r) = (VcitaFlow::stub()->requests('/oauth/userinfo'))[-1];
    return substr $r->header('Authorization'), 7;
}

# "status e-mail pid" of a request with that cookie, which is no navigation
sub VcitaFlow::Code::asked {
    my ($m, $cookie, $path, @headers) = @_;
    my $r = VcitaFlow::browser(base => $m->url(''))->get($m->url($path // '/'),
        headers => [ 'X-Requested-With' => 'XMLHttpRequest', Cookie => "vcita_session=$cookie", @headers ]);
    return join ' ', $r->status, map { $r->header($_) // () } qw( X-Mail X-Pid );
}

# how often each answer came, until both workers have been asked
sub VcitaFlow::Code::both_workers {
    my ($m, $cookie, $path) = @_;
    my (%answer, %pid);
    VcitaFlow::wait_for(sub {
        my ($status, @rest) = split ' ', VcitaFlow::Code::asked($m, $cookie, $path);
        $pid{ pop @rest } = 1;
        $answer{ join ' ', $status, @rest }++;
        return keys %pid == 2;
    }, 20, 'both workers to answer');
    return join ', ', sort keys %answer;
}

# requests one behind the other on one connection, as fast as it goes: the answers
sub VcitaFlow::Code::piped {
    my ($m, $headers, @cookies) = @_;
    my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $m->port) or die "connect: $!\n";
    my @answers;
    while (my @some = splice @cookies, 0, 20) {
        syswrite $c, join '', map { "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}Cookie: vcita_session=$_\r\n\r\n" } @some;
        my $got = '';
        for (1 .. @some) {
            until ($got =~ /\r\n\r\n/ && length($got) >= $+[0] + ($got =~ /^Content-Length: (\d+)\r\n/m ? $1 : 0)) {
                sysread $c, $got, 65536, length $got or die "closed: $got\n";
            }
            my ($head) = $got =~ /^(.*?\r\n)\r\n/s;
            substr $got, 0, 2 + length($head) + ($head =~ /^Content-Length: (\d+)\r\n/m ? $1 : 0), '';
            push @answers, $head;
        }
    }
    return @answers;
}

# so many cookies of one session, none like another: each is sealed anew, since the cookie's key is the second one
sub VcitaFlow::Code::minted {
    my ($m, $cookie, $n) = @_;
    my @made = map { /^Set-Cookie: vcita_session=([\w-]+)/m } VcitaFlow::Code::piped($m,
        "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n", ($cookie) x $n);
    die @made . " cookies instead of $n\n" if @made != $n;
    return @made;
}

# a file with a key, by its name
sub VcitaFlow::Code::key_file {
    my ($name) = @_;
    my $file = VcitaFlow::servroot() . "-memo-key-$name";
    open my $fh, '>', $file or die "$file: $!";
    print $fh $name x 40;
    close $fh;
    chmod 0600, $file;
    return "vcita_oauth_session_key_file $file;";
}

# whether these bytes are in the memory of a process
sub VcitaFlow::Code::dump_has {
    my ($pid, $text) = @_;
    my $has = 0;
    VcitaFlow::nginx_memory($pid, 'p', sub { $has ||= index($_[0], $text) >= 0 });
    return $has;
}

# letters that are nowhere else
sub VcitaFlow::Code::a_mark { return join '', map { chr 97 + int rand 26 } 1 .. 24 }

# who it is, in an answer that no upstream makes
my $MAIL = 'vcita_oauth on; add_header X-Mail $vcita_oauth_claim_email always; add_header X-Pid $pid always;';
my $SERVER = "location / { $MAIL empty_gif; } location /owners { $MAIL vcita_oauth_require \$vcita_oauth_claim_role owner;"
    . " empty_gif; } location /no { $MAIL vcita_oauth_revalidate off; empty_gif; } location /nobody { $MAIL vcita_oauth_require \$vcita_oauth_claim_role nobody; empty_gif; }"
    . ' location /out { vcita_oauth_logout /bye; }';
sub VcitaFlow::Code::gated { return $SERVER }
sub VcitaFlow::Code::mail { return (server => $SERVER, @_) }

# and one where nothing but the look-up touches the session
my $SILENT = 'location / { vcita_oauth on; empty_gif; } location /out { vcita_oauth_logout /bye; }';
sub VcitaFlow::Code::silent { return (server => $SILENT, @_) }

run_tests();

__DATA__

=== TEST 1: a cookie that was opened a moment ago: each of two people is who they are, again and again, in two workers
--- flow
my $m = machine('a', mail(workers => 2));
my ($one, $two) = map { session_of($m, "$_\@example.biz") } qw( one two );
for (1 .. 10) {
    is both_workers($m, $one), '200 one@example.biz', 'one';
    is both_workers($m, $two), '200 two@example.biz', 'two';
}
is_deeply [ $m->stop ], [], 'nothing to warn of';


=== TEST 2: a remembered cookie whose session is over is none: session_timeout, idle time, the end of its token
--- flow
for ([ 'idle', 'vcita_oauth_session_idle_timeout 1h;', 3600 ], [ 'timeout', 'vcita_oauth_session_timeout 2h;', 7200 ]) {
    my ($what, $gate, $end) = @$_;
    my $m = machine('a', mail(gate => $gate, workers => 2));
    my $cookie = session_of($m, 'a@example.biz');
    is both_workers($m, $cookie), '200 a@example.biz', "$what: in";
    at($end - 1, $m);
    is both_workers($m, $cookie), '200 a@example.biz', "$what: in until the end";
    at($end, $m);
    is both_workers($m, $cookie), '401', "$what: out";
    at(0, $m);
    is both_workers($m, $cookie), '200 a@example.biz', "$what: by the clock alone";
    $m->stop;
}
my $m = machine('a', mail(gate => 'vcita_oauth_session_timeout 1000d;'));
my $b = browser(base => $m->url(''));
$b->get($m->url);
is $b->come_back(code => stub_code({ token => { set => { expires_in => 100 } } }))->status, 303, 'a short token';
my $cookie = $b->cookie('vcita_session');
like asked($m, $cookie), qr/^200 /, 'the token: in';
at(100, $m);
like asked($m, $cookie), qr/^401/, 'the token: out';
$m->stop;


=== TEST 3: a remembered cookie is bound by the rules of each location
--- flow
my $m = machine('a', mail());
my $cookie = session_of($m, 'a@example.biz');
for (1 .. 3) {
    like asked($m, $cookie), qr/^200 a\@example\.biz /, 'in';
    like asked($m, $cookie, '/owners'), qr/^200 a\@example\.biz /, 'a rule that is met';
    like asked($m, $cookie, '/nobody'), qr/^403 /, 'one that is not';
}
$m->stop;


=== TEST 4: a session that vcita ends, in one worker, has ended in the other one that remembers its cookie
--- flow
my $m = machine('a', mail(workers => 2, gate => 'vcita_oauth_revalidate 5m;'));
my $cookie = session_of($m, 'a@example.biz');
my $token = token;
my $other = session_of($m, 'b@example.biz');
is both_workers($m, $cookie), '200 a@example.biz', 'in';
is both_workers($m, $cookie, '/no'), '200 a@example.biz', 'in, where vcita is not asked';
is both_workers($m, $other), '200 b@example.biz', 'another is, too';
stub->userinfo($token, {});
stub->revoke($token);
at(300, $m);
like asked($m, $cookie), qr/^401/, 'out';
is both_workers($m, $cookie, '/no'), '401', 'out of both workers, where vcita is not asked';
is both_workers($m, $cookie), '401', 'and where it is';
is both_workers($m, $other), '200 b@example.biz', 'the other one is in';
$m->stop;


=== TEST 5: claims that vcita has changed bind a cookie that is remembered with the old ones, in each worker
--- flow
my $m = machine('a', mail(workers => 2, gate => 'vcita_oauth_revalidate 5m;'));
my $cookie = session_of($m, 'a@example.biz');
is both_workers($m, $cookie, '/owners'), '200 a@example.biz', 'in';
is both_workers($m, $cookie, '/no'), '200 a@example.biz', 'in, where vcita is not asked';
stub->userinfo(token, { set => { email => 'new@example.biz', role => 'nobody' } });
at(300, $m);
like asked($m, $cookie), qr/^200 new\@/, 'the new claims';
is both_workers($m, $cookie, '/no'), '200 new@example.biz', 'in each worker, where vcita is not asked';
is both_workers($m, $cookie), '200 new@example.biz', 'and where it is';
is both_workers($m, $cookie, '/owners'), '403 new@example.biz', 'the rules see them';
is both_workers($m, $cookie, '/nobody'), '200 new@example.biz', 'all of them';
$m->stop;


=== TEST 6: after a reload with other keys, what was opened by the old ones is a stranger's
--- flow
my ($one, $two) = map { key_file($_) } qw( a b );
my $m = machine('a', mail(gate => $one));
my $cookie = session_of($m, 'a@example.biz');
like asked($m, $cookie), qr/^200 a\@example\.biz /, 'in';
$m->configure(gate => "$two\n$one");
like asked($m, $cookie), qr/^200 a\@example\.biz /, 'in, by the second key';
$m->configure(gate => $two);
like asked($m, $cookie), qr/^401/, 'out, without the key';
$m->configure(gate => $one);
like asked($m, $cookie), qr/^200 a\@example\.biz /, 'in, with the key';
$m->stop;


=== TEST 7: a remembered cookie is none of another application's, nor one under another name
--- http_config
server {
    listen $TEST_NGINX_SERVER_PORT default_server;
    server_name first.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /ping { return 200; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name client.example.com;
    vcita_oauth_client_id app2;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name name.example.com;
    vcita_oauth_cookie_name other;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name same.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name two.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /other {
        vcita_oauth on;
        vcita_oauth_cookie_name other;
        vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/other/callback;
        proxy_pass $VCITA_APP;
    }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';
my $value = $b->cookie('vcita_session');
for (1 .. 2) {
    for ([ first => 'vcita_session', 200 ], [ client => 'vcita_session', 302 ], [ name => 'other', 302 ],
         [ name => 'vcita_session', 302 ], [ same => 'vcita_session', 200 ], [ two => 'vcita_session', 200 ],
         [ two => 'other', 302, '/other' ], [ two => 'vcita_session', 302, '/other' ], [ two => 'other', 302 ])
    {
        my ($host, $name, $status, $path) = @$_;
        is browser()->get($path // '/', headers => [ Host => "$host.example.com", Cookie => "$name=$value" ])->status,
            $status, "$host, as $name" . ($path // '');
    }
}


=== TEST 8: a flipped bit, one character less or more: what is not the whole value of a remembered cookie is none
--- flow
my $m = machine('a', mail());
my $cookie = session_of($m, 'a@example.biz');
like asked($m, $cookie), qr/^200 a\@example\.biz /, 'in';
my @bad;
for my $i (0 .. length($cookie) - 1) {
    my $c = substr $cookie, $i, 1;
    my $near = chr(ord($c) ^ 1);
    push @bad, map { substr($cookie, 0, $i) . $_ . substr($cookie, $i + 1) } $near =~ /[\w-]/ ? $near : 'A' eq $c ? 'B' : 'A';
}
push @bad, substr($cookie, 1), substr($cookie, 0, -1), substr($cookie, 4), substr($cookie, 0, -4), "A$cookie", "${cookie}A",
    "AAAA$cookie", "${cookie}AAAA", $cookie x 2, substr($cookie, -24), substr($cookie, -23);
@bad = map { ($_, $cookie) } @bad;
my @answers = map { /^HTTP\S+ (\d+)/ } piped($m, "X-Requested-With: XMLHttpRequest\r\n", @bad);
is scalar(grep { $answers[ 2 * $_ ] != 401 } 0 .. $#bad / 2), 0, 'none of ' . @bad / 2 . ' is in';
is scalar(grep { $answers[ 2 * $_ + 1 ] != 200 } 0 .. $#bad / 2), 0, 'and the one that is stays in';
$m->stop;


=== TEST 9: over HTTP/2: a remembered cookie of many streams, until its session ends
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl http2;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / { vcita_oauth on; add_header X-Mail $vcita_oauth_claim_email always; empty_gif; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- gate
vcita_oauth_session_timeout 3s;
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';
my $cookie = $b->cookie('vcita_session');
my $h2 = sub {
    my $lines = join ' ', ('-H "X-Requested-With: XMLHttpRequest"', "-H 'Cookie: vcita_session=$cookie'");
    my $got = `curl --silent --http2 --cacert @{[ ca ]} $lines -o /dev/null -w '%{http_code} %{http_version},' '@{[ 'https://localhost:' . rand_port(1) ]}/[1-20]'`;
    my %n;
    $n{$_}++ for split /,/, $got;
    return join ', ', map { "$n{$_} times $_" } sort keys %n;
};
is $h2->(), '20 times 200 2', 'in';
is $h2->(), '20 times 200 2', 'again';
my $it;
wait_for { ($it = $h2->()) !~ / 200 / } 10, 'the end of the session';
is $it, '20 times 401 2', 'out';
$cookie =~ tr/a-z/b-za/;
is $h2->(), '20 times 401 2', 'nor is a stranger';


=== TEST 10: a WebSocket outlives the entry of its cookie: whose it is is there at its end, and wiped then
--- flow
my ($one, $two) = map { key_file($_) } qw( a b );
my $mint = machine('mint', gate => $one, server => 'location / { vcita_oauth on; empty_gif; }');
my $mark = a_mark();
my $cookie = session_of($mint, $mark);
my $other = session_of($mint, 'other@example.biz');
$mint->configure(gate => "$two\n$one");
my @pushing = minted($mint, $other, 300);
my $late = servroot() . '-late.' . round;
unlink $late;

my $upstream = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5, Timeout => 20) or die "listen: $!\n";
my $m = machine('a', gate => "$two\n$one", with => { UPSTREAM => '127.0.0.1:' . $upstream->sockport, LOG => $late },
    http => 'log_format late "$uri <$vcita_oauth_claim_email>";',
    server => 'location / { vcita_oauth on; empty_gif; } location /ws { vcita_oauth on; proxy_http_version 1.1;'
        . ' proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://$UPSTREAM;'
        . ' access_log $LOG late; }');
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $m->port) or die "connect: $!\n";
$client->syswrite("GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    . "Cookie: vcita_session=$cookie\r\n\r\n");
my $peer = $upstream->accept or die "no connection to the upstream: $!\n";
my $read = '';
$peer->sysread($read, 65536, length $read) or die "closed\n" until $read =~ /\r\n\r\n/;
$peer->syswrite("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
$read = '';
$client->sysread($read, 65536, length $read) or die "closed\n" until $read =~ /\r\n\r\n/;
like $read, qr/^HTTP\/1\.1 101 /, 'a WebSocket';
my ($pid) = $m->workers;

is scalar(grep { /^HTTP\S+ 200/ } piped($m, '', @pushing)), 300, 'other cookies push its entry out';
ok dump_has($pid, "email$mark"), 'the session is in memory';
$client->syswrite("hello");
$peer->sysread($read, 65536);
is $read, 'hello', 'it goes on';
close $peer;
close $client;
my $log = sub { open my $fh, '<', $late or return ''; local $/; scalar <$fh> };
wait_for { $log->() =~ /^\/ws/ } 10, 'its line in the log';
is $log->(), "/ws <$mark>\n", 'whose it was';
wait_for { !dump_has($pid, "email$mark") } 10, 'it to be wiped';
is scalar(grep { /^HTTP\S+ 200/ } piped($m, '', @pushing)), 300, 'the worker goes on';
$_->stop for $m, $mint;


=== TEST 11: a worker's memory does not show the session of a cookie once it has gone: pushed out, by logout, revoked, changed
--- flow
my ($one, $two) = map { key_file($_) } qw( a b );
my $mint = machine('mint', gate => $one, server => 'location / { vcita_oauth on; empty_gif; }');
my $other = session_of($mint, 'other@example.biz');

for my $way ('pushed out', 'logout', 'revoked', 'changed', 'idle') {
    $mint->configure(gate => $one);
    my $mark = a_mark();
    my $cookie = session_of($mint, $mark);
    my $token = token;
    my $bytes = $token =~ /^(?:[0-9a-f]{2})+$/ ? pack 'H*', $token : $token;
    my $m = machine('a', silent(gate => "$two\n$one\nvcita_oauth_session_idle_timeout 1h;"
                                      . ($way =~ /revoked|changed/ ? 'vcita_oauth_revalidate 5m;' : '')));
    like asked($m, $cookie), qr/^200/, "$way: in" for 1 .. 3;
    my ($pid) = $m->workers;
    ok dump_has($pid, "email$mark"), "$way: the session is in memory";
    ok dump_has($pid, $bytes), "$way: so is its token";

    if ($way eq 'pushed out') {
        $mint->configure(gate => "$two\n$one");
        piped($m, '', minted($mint, $other, 300));

    } elsif ($way eq 'logout') {
        is browser(base => $m->url(''))->get($m->url('/out'), headers => [ Cookie => "a=b; vcita_session=$cookie",
            'Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document',
            'Sec-Fetch-User' => '?1' ])->status, 303, 'a logout';

    } elsif ($way eq 'revoked') {
        stub->userinfo($token, {});
        stub->revoke($token);
        at(300, $m);
        like asked($m, $cookie), qr/^401/, 'out';

    } elsif ($way eq 'changed') {
        stub->userinfo($token, { set => { email => 'new@example.biz' } });
        at(300, $m);
        like asked($m, $cookie), qr/^200/, 'in, with new claims';

    } else {
        at(3600, $m);
        like asked($m, $cookie), qr/^401/, 'out';
    }

    wait_for { !dump_has($pid, "email$mark") } 10, "$way: the session to go";
    ok !dump_has($pid, $bytes), "$way: and its token" if $way ne 'changed';
    $m->stop;
}
$mint->stop;


=== TEST 12: the session of a cookie that no request sends again goes when it ends
--- config
location / { vcita_oauth on; empty_gif; }
--- flow
# the clock of a machine stands still, so that a token ends there when it should here
my $m = machine('mint', server => 'location / { vcita_oauth on; add_header X-Started $vcita_oauth_session_started; empty_gif; }');
my $b = browser(base => $m->url(''));
$b->get($m->url);
is $b->come_back(code => stub_code)->status, 303, 'a login';
my $life = time + 4 - $b->get($m->url)->header('X-Started');
my $mark = a_mark();
$b = browser(base => $m->url(''));
$b->get($m->url);
is $b->come_back(code => stub_code({ token => { set => { expires_in => $life } }, userinfo => { set => { email => $mark } } }))
    ->status, 303, 'one that ends in four seconds';
$m->stop;
my ($pid) = (nginx_workers, nginx_pid);
my $r = browser()->get('/', headers => [ Cookie => 'vcita_session=' . $b->cookie('vcita_session') ]);
is $r->status, 200, 'in';
ok dump_has($pid, "email$mark"), 'the session is in memory';
wait_for { !dump_has($pid, "email$mark") } 15, 'it to go';


=== TEST 13: 10,000 sessions, one after the other, small and large, take no more than 512 KiB of a worker
--- flow
my ($one, $two) = map { key_file($_) } qw( a b );
my $mint = machine('mint', gate => $one, server => 'location / { vcita_oauth on; empty_gif; }');
my @small = session_of($mint, 'a@example.biz');
my @large = session_of($mint, 'b@example.biz', map { ("c$_" => "$_ " . 'x' x 150) } 1 .. 15);
cmp_ok length $large[0], '>', 3500, 'a large one';
$mint->configure(gate => "$two\n$one");
@small = minted($mint, $small[0], 5000);
@large = minted($mint, $large[0], 5000);
my $m = machine('a', silent(gate => $two));
piped($m, '', ($small[0], $large[0]) x 100);                     # what a worker takes in any case
my ($pid) = $m->workers;
my $before = nginx_rss($pid);
my $limit = rss_limit(512);
$limit *= 10 if $limit > 512;                   # a sanitizer keeps what was freed
my $churn = sub {
    my ($what, @cookies) = @_;
    is scalar(grep { /^HTTP\S+ 200/ } piped($m, '', @cookies)), scalar @cookies, "$what: all in";
    my $more = nginx_rss($pid) - $before;
    cmp_ok $more, '<=', $limit, "$what: $before KiB, and $more more";
};
$churn->('small', @small);
$churn->('large', @large);
$churn->('in turn', map { ($small[$_], $large[$_]) } 0 .. 2499);
$churn->('again', @small);
$churn->('in any order', map { my $some = rand > 0.7 ? \@large : \@small; $some->[rand @$some] } 1 .. 5000);
$_->stop for $m, $mint;


=== TEST 14: a reload while requests with a remembered cookie are on their way: they end as they began
--- flow
my ($one, $two) = map { key_file($_) } qw( a b );
my $upstream = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5, Timeout => 20) or die "listen: $!\n";
my $log = servroot() . '-late.' . round;
unlink $log;
my $m = machine('a', mail(gate => $one, with => { UPSTREAM => '127.0.0.1:' . $upstream->sockport, LOG => $log },
    http => 'log_format late "$uri <$vcita_oauth_claim_email>";',
    server => gated() . " location /late { vcita_oauth on; proxy_pass http://\$UPSTREAM; access_log \$LOG late; }"));
my $cookie = session_of($m, 'a@example.biz');
like asked($m, $cookie), qr/^200 a/, 'in';
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $m->port) or die "connect: $!\n";
$client->syswrite("GET /late HTTP/1.0\r\nCookie: vcita_session=$cookie\r\n\r\n");
my $peer = $upstream->accept or die "no connection to the upstream: $!\n";
my $read = '';
$peer->sysread($read, 65536, length $read) or die "closed\n" until $read =~ /\r\n\r\n/;
my ($old) = $m->workers;
$m->{gate} = $two;
$m->_write;
kill HUP => $m->{pid};
wait_for { (grep { $_ != $old } $m->workers) == 1 } 10, 'a new worker';
wait_for { asked($m, $cookie) =~ /^401/ } 10, 'the new worker to refuse the cookie';
$peer->syswrite("HTTP/1.0 200 OK\r\n\r\nlate");
close $peer;
my $got = '';
1 while $client->sysread($got, 65536, length $got);
like $got, qr/^HTTP\/1\.1 200 .*late$/s, 'the answer';
wait_for { -s $log } 10, 'its line in the log';
is do { open my $fh, '<', $log; local $/; <$fh> }, "/late <a\@example.biz>\n", 'whose it was';
$m->stop;


=== TEST 15: a page of two applications: both cookies are remembered, and in use when others push them out
--- http_config
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name parts.example.com;
    location / { vcita_oauth on; ssi on; ssi_types *; proxy_pass $VCITA_APP; }
    location /page {
        vcita_oauth on; ssi on; ssi_types text/html; default_type text/html;
        root html;
    }
    location /part { vcita_oauth on; add_header X-P 1; default_type text/plain; try_files /part.txt =404; }
    location /other {
        vcita_oauth on;
        vcita_oauth_cookie_name other;
        vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/other/callback;
        ssi on; ssi_types *; default_type text/html;
    }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /other {
    vcita_oauth on;
    vcita_oauth_cookie_name other;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/other/callback;
    proxy_pass $VCITA_APP;
}
--- user_files
>>> page.html
[<!--# echo var="vcita_oauth_claim_sub" -->|<!--# include virtual="/other.html" -->|<!--# echo var="vcita_oauth_claim_sub" -->]
>>> other.html
<!--# echo var="vcita_oauth_claim_sub" -->
--- flow
my $b = browser();
$b->get('/');
is $b->come_back(code => stub_code({ userinfo => { set => { sub => 'first' } } }))->status, 303, 'the first';
$b->get('/other');
is $b->come_back(code => stub_code({ userinfo => { set => { sub => 'second' } } }))->status, 303, 'the second';
my $cookies = join '; ', map { "$_=" . $b->cookie($_) } qw( vcita_session other );
for (1 .. 5) {
    my $r = browser()->get('/page.html', headers => [ Host => 'parts.example.com', Cookie => $cookies ]);
    is $r->body =~ s/\s+//gr, '[first|second|first]', 'each part has its own';
}
