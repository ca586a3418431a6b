# Thousands of logins on one worker: what they cost is given back.
#
# Of a small size here; tools/soak.sh runs it in full.

use lib 't/lib';

our %soak;

BEGIN {
    %soak = (logins => 600, mark => 200, aborted => 600, chaos => 6, map { split /=/ } split ' ', $ENV{VCITA_SOAK} // '');
}

use VcitaRedis;
use VcitaTest;
use IO::Socket::INET ();

my $BATCH = 50;

# so many logins from the first page to the last, all at once; how many ended at their page
sub VcitaFlow::Code::log_in {
    my ($n) = @_;
    my $crowd = VcitaFlow::crowd();
    $crowd->add(VcitaBrowser->new, GET => VcitaFlow::url("/page?of=$_"), follow => 1) for 1 .. $n;
    return scalar grep { $_->status == 200 && $_->body =~ /alice\@example\.biz/ } $crowd->run;
}


# so many logins that are given up while vcita is asked: for the token, or who it is
sub VcitaFlow::Code::give_up {
    my ($n) = @_;
    my @browsers = map { VcitaBrowser->new } 1 .. $n;
    my $crowd = VcitaFlow::crowd();
    $crowd->add($_, GET => VcitaFlow::url('/')) for @browsers;
    $crowd->run;

    $crowd = VcitaFlow::crowd();
    for (0 .. $#browsers) {
        my $code = VcitaStub::stub_code({ ($_ % 2 ? 'token' : 'userinfo') => { hang => 1 } });
        $crowd->add($browsers[$_], GET => $browsers[$_]->callback_url(code => $code));
    }
    $crowd->start;
    $crowd->until(sub { VcitaFlow::stub()->exchanges == $n && VcitaFlow::stub()->requests('/oauth/userinfo') >= $n / 2 }, 20,
        'vcita to have them all');
    $crowd->abort(0 .. $n / 2 - 1);
    $crowd->abort_all(reset => 1);
    VcitaFlow::wait_for(sub { VcitaFlow::stub()->exchanges == 0 }, 20, 'them to be cancelled');
    VcitaFlow::stub()->reset;
    return $n;
}


# does something in batches, until so many are done
sub VcitaFlow::Code::in_batches {
    my ($n, $do) = @_;
    my $done = 0;
    for (my $i = 0; $i < $n; $i += $BATCH) {
        $done += $do->($n - $i < $BATCH ? $n - $i : $BATCH);
    }
    VcitaFlow::stub()->reset;
    return $done;
}

# nginx.conf changed by a function; the text that it had
sub VcitaFlow::Code::change_conf {
    my ($do) = @_;
    my $file = VcitaFlow::servroot() . '/conf/nginx.conf';
    open my $in, '<', $file or die "$file: $!";
    my $was = do { local $/; <$in> };
    local $_ = $was;
    $do->();
    open my $out, '>', $file or die "$file: $!";
    print $out $_;
    close $out;
    return $was;
}


# how often the log has something
sub VcitaFlow::Code::logged { my ($what) = @_; return scalar(() = VcitaFlow::error_log() =~ /$what/mg) }


# a reload that a part of its configuration makes fail, before or after the shared memory is there
sub VcitaFlow::Code::fail_reload {
    my ($line, $error) = @_;
    my $n = VcitaFlow::Code::logged($error);
    my $was = VcitaFlow::Code::change_conf(sub { s/(?=^\s*listen )/$line\n/m or die "no listen\n"; s/20r\/s/30r\/s/ });
    VcitaFlow::nginx_signal('HUP');
    VcitaFlow::wait_for(sub { VcitaFlow::Code::logged($error) > $n }, 20, "the reload to fail: $error");
    VcitaFlow::Code::change_conf(sub { $_ = $was });
}


sub VcitaFlow::Code::reload {
    my $n = VcitaFlow::Code::logged(': start worker processes$');
    VcitaFlow::nginx_signal('HUP');
    VcitaFlow::wait_for(sub { VcitaFlow::Code::logged(': start worker processes$') > $n }, 20, 'the reload');
}


sub VcitaFlow::Code::kill_a_worker {
    my @pid = VcitaFlow::nginx_workers();
    my $pid = $pid[ rand @pid ] // return 0;
    kill KILL => $pid or return 0;
    VcitaFlow::wait_for(sub { VcitaFlow::Code::logged("process $pid exited") }, 20, 'the master to see it');

    # one that a reload has ended may have gone before
    return VcitaFlow::Code::logged("process $pid exited on signal 9");
}


# logins, good and bad ones, and pages of people who are in; none is at its end
sub VcitaFlow::Code::a_crowd {
    my (@in) = @_;
    my $crowd = VcitaFlow::crowd(timeout => 60);
    my @code = ({}, { token => { delay => 0.1 } }, { userinfo => { delay => 0.1 } }, { token => { hang => 1 } }, { userinfo => { hang => 1 } },
        { token => { reset => 1 } }, { userinfo => { status => 500 } }, { token => { truncate => 20 } }, { userinfo => { json => { sub => 'out' } } });
    for (1 .. 18) {
        $crowd->add(VcitaBrowser->new(headers => [ 'X-Stub' => VcitaStub::stub_code($code[ $_ % @code ]) ]),
            GET => VcitaFlow::url("/page?of=$_"), follow => 1);
    }
    for my $b (@in) {
        $crowd->add($b->tab, GET => VcitaFlow::url($_)) for '/mine', '/asked', '/parts';
    }
    return $crowd;
}


# one thing after the other while a crowd comes and goes, until the time is over and each was done once; how often
# each was done, and how often each status was seen
sub VcitaFlow::Code::rounds {
    my ($end, @do) = @_;
    my ($n, %done, %tally, @in) = (0);
    while ($n < @do || VcitaLoop::now() < $end) {
        my $b = VcitaFlow::browser(soft => 1);
        push @in, $b if eval { $b->visit('/page')->status == 200 };
        shift @in if @in > 3;
        my $crowd = VcitaFlow::Code::a_crowd(@in);
        my $some = rand($crowd->pending);
        $crowd->start;
        $crowd->until(sub { $crowd->sent > $some }, 20, 'some to be sent');
        my ($what, $do) = @{ $do[ $n++ % @do ] };
        my $did = $do->();
        $done{$what} += $what ne 'killed' || $did;
        $crowd->until(sub { $crowd->pending <= 12 }, 20, 'most to be answered');
        $crowd->abort_all(reset => rand() < 0.5);
        $tally{ $_->status // 'none' }++ for grep { $_ } $crowd->answers;
        VcitaFlow::stub()->reset;
    }
    VcitaFlow::note('soak: chaos: ' . join(', ', map { "$done{$_} $_" } sort keys %done) . '; answers: '
        . join(', ', map { "$tally{$_} x $_" } sort keys %tally));
    return (\%done, \%tally);
}


# what processes have open together, by kind: "3 /dev/null, 1 anon_inode:[eventpoll], 5 socket"
sub VcitaFlow::Code::open_files {
    my %n;
    $n{s/^(?:socket|pipe)\K:.*//r}++ for grep { defined } map { readlink } map { glob "/proc/$_/fd/*" } @_;
    return join ', ', map { "$n{$_} $_" } sort keys %n;
}


# statuses of requests without a session, and of one that has ended; a fleet's Redis may answer, or be gone
sub VcitaFlow::Code::stays_out {
    my ($ended) = @_;
    my @got = map { eval { $_->get('/page')->status } // 0 } VcitaFlow::browser(soft => 1), $ended ? $ended->clone : ();
    VcitaFlow::fail("in without a session: @got") if grep { $_ == 200 } @got;
    return !grep { $_ == 200 } @got;
}


sub VcitaFlow::Code::chaos { return $soak{chaos} }

sub VcitaFlow::Code::soak { return @soak{qw( logins mark aborted )} }

# what each chaos has, whatever its store is
add_block_preprocessor(sub {
    my ($block) = @_;
    return if $block->name !~ /: chaos/;
    $block->set_value(gate => $block->gate . <<'END');
vcita_oauth_session_idle_timeout 10s;
vcita_oauth_rate 20r/s;
vcita_oauth_timeout 2s;
END
    $block->set_value(config => ($block->config // '') . <<'END');
location / { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_email alice@*; proxy_pass $VCITA_APP; }
location = /asked { vcita_oauth on; vcita_oauth_revalidate 1s; proxy_pass $VCITA_APP; }
location = /part { vcita_oauth on; empty_gif; }
location = /parts { ssi on; default_type text/html; return 200 '<!--# include virtual="/part" --><!--# include virtual="/asked" -->'; }
location = /status { vcita_oauth_status; }
END
});

repeat_each(1);
run_tests();

__DATA__

=== TEST 1: logins and aborted logins on one worker: memory does not grow, descriptors return to the start value
--- log_level: warn
--- gate
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-User $vcita_oauth_claim_email;
    proxy_pass $VCITA_APP;
}
--- flow
my ($logins, $mark, $aborted) = soak;
my $pid = nginx_pid;

is log_in(1), 1, 'a first login';
my $fds = nginx_fds;

is in_batches($mark, \&log_in), $mark, 'logins before the mark';
my $rss = nginx_rss($pid);
is in_batches($logins - $mark, \&log_in), $logins - $mark, 'logins after the mark';
my $after = nginx_rss($pid);
is in_batches($aborted, \&give_up), $aborted, 'aborted logins';
my $end = nginx_rss($pid);

# before a thousand logins the heap has not settled, with OpenSSL 3.5 least of all
my $limit = $mark < 1000 ? 4096 : 2048;
cmp_ok $end - $rss, '<', rss_limit($limit), "memory does not grow by $limit KiB";
wait_for { nginx_fds() <= $fds } 10, 'descriptors to be back at their start value';
is nginx_pid, $pid, 'it was one worker';
is log_in(1), 1, 'and it still does its work';

note "soak: $logins logins, then $aborted that were given up";
note "soak: resident memory: $rss KiB after $mark logins, $after KiB after $logins, $end KiB at the end: " . ($end - $rss) . ' KiB more';
note "soak: descriptors: $fds after the first login, " . nginx_fds . ' at the end';


=== TEST 2: chaos: reloads that fail and that succeed, workers that are killed, clients that go away: nobody is in without, and all goes on
--- master_on
--- workers: 2
--- log_level: notice
--- gate
vcita_oauth_session_store zone=sessions:64k;
--- error_log
[alert]
exited on signal 9
--- flow
my $end = VcitaLoop::now() + chaos;
my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => port() + 1, Listen => 1, ReuseAddr => 1) or die "listen: $!";
my @do = (
    [ reloaded => sub { reload } ],
    [ killed   => sub { kill_a_worker } ],
    [ failed   => sub { fail_reload('nonsense;', 'unknown directive "nonsense"') } ],
    [ reloaded => sub { reload } ],
    [ bound    => sub { fail_reload('listen 127.0.0.1:' . (port() + 1) . ';', 'still could not bind') } ],
);
my ($done, $tally) = rounds($end, @do);
is join(' ', grep { !/^(?:none|0|200|302|303|403|502|503|504)$/ } sort keys %$tally), '', 'nobody sees what is not foreseen';
is logged('exited on signal (?!9\b)'), 0, 'no worker crashed';
is logged('exited on signal 9'), $done->{killed}, 'but for those that were killed';
wait_for { nginx_workers() == 2 } 20, 'the old workers to go';
my $b = browser();
wait_for { $b->visit('/page')->status == 200 } 20, 'a login';
is $b->get('/page')->status, 200, 'which lives';
is browser()->get('/page')->status, 302, 'without a session it is off to vcita';
like browser()->get('/status')->body, qr/^vcita_oauth_calls_in_flight 0$/m, 'no call is left';


=== TEST 3: chaos with sessions in Redis, which is killed, started, silent and demoted, too: nobody is in without, and all goes on
--- master_on
--- workers: 2
--- log_level: notice
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=400ms connect_timeout=400ms;
--- config
location = /logout { vcita_oauth_logout; }
--- error_log
[alert]
exited on signal 9
--- flow
VcitaRedis->fresh;
my $end = VcitaLoop::now() + chaos;

# What a master and two workers that have served nothing have open: each has the listening socket, the master both ends
# of a channel to each worker, and a worker its own end and the master's end of the other's.
my $start;
wait_for { ($start = open_files(nginx_pid, nginx_workers)) =~ /\b11 socket$/ } 20, 'the workers to have their channels';

# Descriptors of new workers that have served: one may have a connection to Redis, or both.  A reload is logged before
# its workers are there, and old ones live on for some time: each old worker has to be gone, or it is counted, too.
my $descriptors = sub {
    redis->resume;
    redis->start;
    redis->command(qw( REPLICAOF NO ONE ));
    my %old = map { $_ => 1 } nginx_workers();
    reload;
    wait_for { my @pid = nginx_workers(); @pid == 2 && !grep { $old{$_} } @pid } 20, 'the old workers to go';
    eval { wait_for { open_files(nginx_pid, nginx_workers) eq $start } 10 };
    is open_files(nginx_pid, nginx_workers), $start, 'the master, and what workers get from it: open is what was at the start';
    wait_for { browser(soft => 1)->visit('/page')->status == 200 } 20, 'a login';
    return nginx_fds;
};

# a session that ends while Redis is there
my ($ended, $out, $watch) = (undef, 0, 0);
my $end_one = sub {
    my $b = browser(soft => 1);
    return if !eval { $b->visit('/page')->status == 200 };
    my $copy = $b->clone;
    $ended = $copy, $out++ if eval { $b->get('/logout')->status == 200 };
};
my $watched = sub { my ($do) = @_; return sub { $end_one->(); my @r = $do->(); stays_out($ended); $watch++; return $r[0] } };
my @do = (
    [ killed    => $watched->(\&kill_a_worker) ],
    [ emptied   => $watched->(sub { redis->kill; redis->start; 1 }) ],
    [ reloaded  => $watched->(sub { reload; 1 }) ],
    [ gone      => $watched->(sub { redis->kill; stays_out($ended); 1 }) ],
    [ failed    => $watched->(sub { fail_reload('nonsense;', 'unknown directive "nonsense"'); redis->start; 1 }) ],
    [ demoted   => $watched->(sub { redis->command(qw( REPLICAOF 127.0.0.1 1 )); stays_out($ended); 1 }) ],
    [ reloaded  => $watched->(sub { reload; 1 }) ],
    [ promoted  => $watched->(sub { redis->command(qw( REPLICAOF NO ONE )); 1 }) ],
    [ silent    => $watched->(sub { redis->pause; stays_out($ended); 1 }) ],
    [ killed    => $watched->(\&kill_a_worker) ],
    [ back      => $watched->(sub { redis->resume; 1 }) ],
);
my ($begun) = rounds(0, @do);
my $fds = $descriptors->();
my ($done, $tally) = rounds($end, @do);

cmp_ok $out, '>', 0, "sessions that have ended: $out";
cmp_ok $watch, '>=', @do, "it was looked at $watch times";
is join(' ', grep { !/^(?:none|0|200|302|303|403|502|503|504)$/ } sort keys %$tally), '', 'nobody sees what is not foreseen';
is logged('exited on signal (?!9\b)'), 0, 'no worker crashed';
is logged('exited on signal 9'), $begun->{killed} + $done->{killed}, 'but for those that were killed';
my $now = $descriptors->();
cmp_ok $now, '<=', $fds + 2, "descriptors: $fds before, $now after";
note "soak: descriptors of two new workers: $fds before, $now after; of them and the master at the start: $start";
my $b = browser();
is $b->visit('/page')->status, 200, 'a login';
is $b->get('/page')->status, 200, 'which lives';
is browser()->get('/page')->status, 302, 'without a session it is off to vcita';
wait_for { browser()->get('/status')->body =~ /^vcita_oauth_store_up\{[^}]*\} 1$/m } 20, 'the store to be up';
like browser()->get('/status')->body, qr/^vcita_oauth_calls_in_flight 0$/m, 'no call is left';
