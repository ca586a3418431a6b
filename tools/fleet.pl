# fleet.pl NGINX: see fleet.sh, which runs it at the root of the project.

use strict;
use warnings;

use File::Path ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Time::HiRes ();

use VcitaBrowser ();
use VcitaCrowd ();
use VcitaLoop 'now';

# a match that fails is false here, and no empty list
sub check($$);

my ($nginx) = @ARGV;
my $first = $ENV{FLEET_PORT} || 17380;

my $root = POSIX::getcwd();
my $dir = "$root/build/fleet";
my $site = 'https://portal.example.com';
my $client_id = 'e0faca0a2bca52368adfd0ac6035c7a5';

my %nginx_port = map { $_ => $first + $_ - 1 } 1 .. 2;
my %redis_port = map { $_ => $first + $_ + 1 } 1 .. 3;
my %sentinel_port = map { $_ => $first + $_ + 4 } 1 .. 3;

my %password = map { $_ => join '', map { sprintf '%02x', rand 256 } 1 .. 16 }
                   qw( nginx replica sentinel admin sentinels client );

my $owner = $$;
my (%pid, %offset, $killed, $failed);

$| = 1;
$SIG{$_} = sub { exit 130 } for qw( INT TERM HUP );

END { if ($$ == $owner) { my $status = $?; stop($_) for reverse sort keys %pid; $? = $status } }

setup();
start_redis();
my ($sandbox, $ca) = start_sandbox();
start_nginx($_) for 1 .. 2;

one_rate();
my ($in, $out) = sessions();
failover($in, $out);
back_again($in);
look();

print $failed ? "\nThe fleet did NOT hold.\n" : "\nAll of it held.\n";
stay() if $ENV{FLEET_STAY};
exit($failed ? 1 : 0);


# --- the parts ----------------------------------------------------------------

sub setup {
    File::Path::remove_tree($dir);
    File::Path::make_path(map { "$dir/$_" } qw( redis1 redis2 redis3 sandbox
        sentinel1 sentinel2 sentinel3 nginx1 nginx2 tls vcita ));

    put('vcita/client_secret', $password{client});
    put('vcita/session_key', pack 'C*', map { rand 256 } 1 .. 48);
    put('vcita/redis_password', $password{nginx});
    put('vcita/sentinel_password', $password{sentinels});

    openssl(qw( req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 ),
            qw( -nodes -days 3 -subj /CN=fleet -keyout ), "$dir/tls/ca.key",
            -out => "$dir/tls/ca.crt", -addext => 'keyUsage=critical,keyCertSign');
    certificate('redis', 'IP:127.0.0.1');
    certificate('nginx', 'DNS:nginx');
    certificate('portal', 'DNS:portal.example.com');
}


sub certificate {
    my ($name, $names) = @_;
    my $base = "$dir/tls/$name";

    put("tls/$name.ext", "subjectAltName=$names\nbasicConstraints=CA:FALSE\n");
    openssl(qw( req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ),
            -subj => "/CN=$name", -keyout => "$base.key", -out => "$base.csr");
    openssl(qw( x509 -req -days 3 -CAcreateserial ), -in => "$base.csr",
            -CA => "$dir/tls/ca.crt", -CAkey => "$dir/tls/ca.key",
            -out => "$base.crt", -extfile => "$base.ext");
}


# examples/fleet-users.acl with passwords; TLS alone, and certificates of both sides
sub start_redis {
    my $users = slurp('examples/fleet-users.acl');
    $users =~ s/^user (\w+)(.*) >\S+/user $1$2 >$password{$1}/mg;

    my $tls = "port 0\nbind 127.0.0.1\ntls-replication yes\ntls-auth-clients yes\n"
            . "tls-cert-file $dir/tls/redis.crt\ntls-key-file $dir/tls/redis.key\n"
            . "tls-ca-cert-file $dir/tls/ca.crt\n";

    for my $n (1 .. 3) {
        put("redis$n/users.acl", $users);
        put("redis$n/redis.conf", $tls . "tls-port $redis_port{$n}\n"
            . "dir $dir/redis$n\nsave \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n"
            . "aclfile $dir/redis$n/users.acl\n"
            . "masteruser replica\nmasterauth $password{replica}\n"
            . ($n == 1 ? '' : "replicaof 127.0.0.1 $redis_port{1}\n"));
        start("redis$n", $redis_port{$n}, 'redis-server', "$dir/redis$n/redis.conf");
    }

    for my $n (1 .. 3) {
        put("sentinel$n/sentinel.conf", $tls . "tls-port $sentinel_port{$n}\n"
            . "dir $dir/sentinel$n\nrequirepass $password{sentinels}\n"
            . "sentinel monitor portal 127.0.0.1 $redis_port{1} 2\n"
            . "sentinel down-after-milliseconds portal 2000\n"
            . "sentinel failover-timeout portal 10000\n"
            . "sentinel auth-user portal sentinel\n"
            . "sentinel auth-pass portal $password{sentinel}\n");
        start("sentinel$n", $sentinel_port{$n}, 'redis-server',
              "$dir/sentinel$n/sentinel.conf", '--sentinel');
    }

    wait_for('the replicas', sub {
        redis(1, qw( info replication )) =~ /^connected_slaves:2\r?$/m });
    wait_for('the Sentinels', sub {
        3 == grep { sentinel($_, qw( sentinel ckquorum portal )) =~ /^OK 3/
                    && sentinel($_, qw( sentinel master portal ))
                       =~ /^num-slaves\r?\n2\r?$/m } 1 .. 3 });
}


sub start_sandbox {
    start('sandbox', undef, 'node', "$root/examples/sandbox/sandbox.mjs",
          qw( --http 0 --https 0 --rate 8 --auto alice --lifetime 4200 ),
          '--dir', "$dir/sandbox",
          '--app', "$client_id:$password{client}:$site/oauth/callback");

    my $told;
    wait_for('the sandbox', sub { ($told) = slurp("$dir/sandbox.log") =~ /^(\{.*"ready":true.*\})$/m });
    $told = JSON::PP::decode_json($told);

    start('legacy', undef, 'node', "$root/examples/demo/legacy.mjs");
    wait_for('the application', sub { slurp("$dir/legacy.log") =~ /"ready":true/ });

    return ($told, $told->{ca});
}


# the example, with the addresses and paths of this fleet
sub start_nginx {
    my ($n) = @_;
    my ($app) = slurp("$dir/legacy.log") =~ /"http":"([^"]+)"/;
    my $text = slurp('examples/fleet.conf');
    my $sentinels = join ',', map { "127.0.0.1:$sentinel_port{$_}" } 1 .. 3;
    my $temp = join '', map { "    ${_}_temp_path $dir/nginx$n/$_;\n" }
                            qw( client_body proxy fastcgi uwsgi scgi );
    my @to = (
        'load_module modules/\S+;' => "load_module $root/build/ngx_http_vcita_oauth_module.so;\n"
            . "daemon off;\npid $dir/nginx$n/nginx.pid;\nerror_log $dir/nginx$n/error.log notice;\n"
            . ($> ? '' : "user root;\n"),
        '(?m)^http \{\n' => "http {\n    access_log $dir/nginx$n/access.log;\n$temp"
            . "    vcita_oauth_authorize_endpoint $sandbox->{http}/app/oauth/authorize;\n"
            . "    vcita_oauth_token_endpoint $sandbox->{https}/oauth/token;\n"
            . "    vcita_oauth_userinfo_endpoint $sandbox->{https}/oauth/userinfo;\n"
            . "    vcita_oauth_ssl_trusted_certificate $ca;\n",
        'rediss\+sentinel://[^/]+/' => "rediss+sentinel://$sentinels/",
        '/etc/nginx/redis/' => "$dir/tls/", '/etc/nginx/portal\.' => "$dir/tls/portal.",
        '/etc/nginx/vcita/' => "$dir/vcita/", 'listen(\s+)443 ssl' => "listen 127.0.0.1:$nginx_port{$n} ssl",
        'http://127\.0\.0\.1:8000' => $app,
    );

    while (my ($what, $to) = splice @to, 0, 2) {
        $text =~ s/$what/$to/g or die "examples/fleet.conf: no $what\n";
    }

    put("nginx$n/nginx.conf", $text);
    start("nginx$n", $nginx_port{$n}, $nginx, '-p', "$dir/nginx$n/", '-e', "$dir/nginx$n/error.log",
          '-c', "$dir/nginx$n/nginx.conf");
}


# --- what is shown ------------------------------------------------------------

# two machines, one client_id: vcita must see its 8 calls a second from both
sub one_rate {
    step('60 people sign in at once, at two machines, with one rate of 8 calls a second');

    my $crowd = VcitaCrowd->new(timeout => 60);
    # of an address each: the example limits what one may ask of the callback
    $crowd->add(visitor(1 + $_ % 2, "127.0.1.$_"), GET => "$site/?$_", follow => 1) for 1 .. 60;

    my $begun = now();
    my @answers = $crowd->run;
    my %seen;
    $seen{ $_->status }++ for @answers;

    check(($seen{200} // 0) == 60, sprintf '%d of 60 are in, after %.1f s', $seen{200} // 0, now() - $begun);

    my $stats = VcitaBrowser->new->get("$sandbox->{http}/sandbox/stats")->body;
    my ($refused) = $stats =~ /"rate_rejected":\s*(\d+)/;
    check(defined $refused && $refused == 0, 'vcita refused ' . ($refused // '?') . ' calls (429)');
}


# one session that stays, and one that ends before the failover
sub sessions {
    step('One person signs in at machine 1; another one signs in and out again');

    my $in = visitor(1);
    check($in->visit("$site/")->status == 200, 'in at machine 1');
    check(at($in, 2)->status == 200, 'known at machine 2');

    my $out = visitor(2);
    $out->visit("$site/");
    my $copy = $out->clone;
    check($out->get("$site/logout")->status == 303, 'signed out at machine 2');
    check(at($copy, 2)->status == 302, 'a copy of that cookie is no session');

    my $acked = redis(1, qw( wait 2 2000 ));
    check($acked =~ /^2\b/, 'both replicas have it all');

    return ($in, $copy);
}


sub failover {
    my ($in, $out) = @_;
    my $master = master();

    step("The master, redis$master, is killed");

    my %before = map { $_ => metrics($_) } 1 .. 2;
    $offset{$_} = -s $_ for logs();

    $killed = now();
    kill KILL => $pid{"redis$master"};
    waitpid delete $pid{"redis$master"}, 0;

    # until both have served for three seconds behind the failover
    my (%first, %last, %down, $switched, $good);
    while (now() - $killed < 60) {
        for my $n (1 .. 2) {
            my $t = now() - $killed;
            my $status = at($in->clone, $n)->status;

            if ($status != 200) {
                printf "  %6.2f s  machine %d  %d\n", $t, $n, $status if !defined $first{$n};
                check(0, "machine $n answers $status") if $status != 503;
                $first{$n} //= $t;
                $last{$n} = now() - $killed;
                undef $good;
            }

            $down{$n} = 1 if metrics($n)->{store_up} == 0;
        }

        for my $line (new_lines()) {
            printf "  %6.2f s  %s\n", now() - $killed, $line;
            $switched //= now() - $killed if $line =~ /\+switch-master/;
        }

        $good //= now() if $switched;
        last if $good && now() - $good > 3;
        Time::HiRes::sleep(0.02);
    }

    step('What people saw');

    check(defined $switched, 'the Sentinels have named another master') or return;

    for my $n (1 .. 2) {
        my ($from, $to) = ($first{$n}, $last{$n});
        check(!defined $to || $to < $switched + 2, defined $to
            ? sprintf('machine %d: 503 from %.2f s to %.2f s, the failover was at %.2f s', $n, $from, $to, $switched)
            : "machine $n: no 503");
        check(at($in->clone, $n)->status == 200, "machine $n: the session is as good as before");
        check(at($out->clone, $n)->status == 302, "machine $n: the session that had ended stays so");
        check(visitor($n)->visit("$site/")->status == 200, "machine $n: people sign in");

        my $now = metrics($n);
        my %more = map { $_ => $now->{$_} - $before{$n}{$_} } qw( store_failovers_total store_reconnects_total );
        check($now->{store_up} == 1 && $more{store_failovers_total} == 1,
            "machine $n, /status: store_up was " . ($down{$n} ? '0 and is 1' : 1)
            . ", failovers +$more{store_failovers_total}, reconnects +$more{store_reconnects_total}");
    }
}


# the old master comes back, as a replica
sub back_again {
    my ($in) = @_;
    my ($n) = grep { !$pid{"redis$_"} } 1 .. 3;

    step("redis$n is started again");
    start("redis$n", $redis_port{$n}, 'redis-server', "$dir/redis$n/redis.conf");
    wait_for("redis$n to be a replica", sub {
        redis($n, qw( info replication )) =~ /^role:slave\r?\n.*^master_link_status:up/ms }, 60);
    check(1, 'the Sentinels have made it a replica');
    check(at($in->clone, $_)->status == 200, "machine $_: the session is as good as before") for 1 .. 2;
}


sub look {
    my $log = "$dir/nginx1/error.log";
    $log =~ s{^\Q$root\E/}{};

    step('Look at');
    print "  $_\n" for
        "$log: what machine 1 said; nginx2 beside it, and sentinel1.log ...",
        'build/fleet/nginx1/nginx.conf: examples/fleet.conf with the addresses of this fleet',
        'docs/operations.md, "A Redis that fails over"';
}


sub stay {
    print "\nhttps://portal.example.com at 127.0.0.1:$nginx_port{1} and 127.0.0.1:$nginx_port{2};"
        . " Ctrl-C ends everything, an hour does, too.\n";
    sleep 3600;
}


# --- tools --------------------------------------------------------------------

sub visitor {
    my ($n, $from) = @_;
    my $b = VcitaBrowser->new(base => $site, ca => "$dir/tls/ca.crt", timeout => 30, soft => 1,
                              $from ? (from => $from) : ());
    $b->resolve('portal.example.com' => "127.0.0.1:$nginx_port{$n}");
    return $b;
}


sub at {
    my ($b, $n) = @_;
    $b->resolve('portal.example.com' => "127.0.0.1:$nginx_port{$n}");
    return $b->get("$site/");
}


sub metrics {
    my ($n) = @_;
    my $b = visitor($n);
    my $text = $b->get("$site/status")->body // '';
    return { $text =~ /^vcita_oauth_(store_\w+)\{store="[^"]*"\} (\d+)$/mg };
}


sub master {
    my ($port) = sentinel(1, qw( sentinel get-master-addr-by-name portal )) =~ /^(\d+)\r?$/m
        or die "Sentinel names no master\n";
    my ($n) = grep { $redis_port{$_} == $port } 1 .. 3;
    return $n;
}


sub redis { my $n = shift; return cli($redis_port{$n}, 'admin', $password{admin}, @_) }
sub sentinel { my $n = shift; return cli($sentinel_port{$n}, 'default', $password{sentinels}, @_) }

sub cli {
    my ($port, $user, $password, @words) = @_;

    local $ENV{REDISCLI_AUTH} = $password;
    open my $from, '-|', 'redis-cli', '-h', '127.0.0.1', '-p', $port, '--user', $user, '--tls', '--cacert', "$dir/tls/ca.crt",
        '--cert', "$dir/tls/nginx.crt", '--key', "$dir/tls/nginx.key", @words or die "redis-cli: $!\n";
    local $/;
    my $said = <$from> // '';
    close $from;
    return $said;
}


sub logs { return map { glob "$dir/$_" } qw( sentinel[123].log redis[123].log nginx[12]/error.log ) }

# what the logs have to say of the failover
sub new_lines {
    my @found;

    for my $file (logs()) {
        open my $fh, '<', $file or next;
        seek $fh, $offset{$file} // 0, 0;

        while (my $line = <$fh>) {
            last if $line !~ /\n\z/;
            $offset{$file} = tell $fh;
            my ($who) = $file =~ m{/(\w+?)(?:\.log|/error\.log)$};
            $line =~ s/ "redis[^"]*"//;

            if ($who =~ /^nginx/) {
                push @found, "$who  $1" if $line =~ /(vcita_oauth_session_store \w.*?)(?:,|$)/;
            } elsif ($line =~ /([-+](?:sdown|odown|try-failover|switch-master) .*)/
                     || $line =~ /(MASTER MODE enabled)/)
            {
                push @found, "$who  $1";
            }
        }
    }

    return @found;
}


# start NAME PORT COMMAND...; without a port, the caller waits
sub start {
    my ($name, $port, @command) = @_;

    die "port $port is taken: FLEET_PORT=...\n" if $port && connected($port);

    put("$name.log", '') if !-e "$dir/$name.log";

    my $child = fork // die "fork: $!\n";
    if (!$child) {
        POSIX::setsid();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/$name.log" or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    $pid{$name} = $child;
    print "started $name, process $child" . ($port ? ", port $port\n" : "\n");

    wait_for($name, sub {
        die "$name did not start: see $dir/$name.log\n" if waitpid($child, POSIX::WNOHANG()) == $child;
        connected($port) }) if $port;
}


sub stop {
    my ($name) = @_;
    my $child = delete $pid{$name} or return;

    kill TERM => $child;
    for (1 .. 100) {
        return if waitpid($child, POSIX::WNOHANG());
        Time::HiRes::sleep(0.05);
    }
    kill KILL => $child;
    waitpid $child, 0;
}


sub connected { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $_[0]) }


sub wait_for {
    my ($what, $do, $seconds) = @_;
    my $end = now() + ($seconds // 30);

    until ($do->()) {
        die "waited in vain for $what: see $dir\n" if now() > $end;
        Time::HiRes::sleep(0.1);
    }
}


sub openssl {
    open my $said, '-|', 'sh', '-c', 'exec openssl "$@" 2>&1', 'sh', @_ or die "openssl: $!\n";
    local $/;
    my $text = <$said>;
    close $said or die "openssl @_: $text\n";
}


sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $fh $text;
    close $fh or die "$dir/$name: $!\n";
    chmod 0600, "$dir/$name";
}


sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar(<$fh>) // '' }

sub step { print "\n$_[0]\n\n" }

sub check($$) {
    my ($passed, $what) = @_;
    printf "  %-6s %s\n", $passed ? 'ok' : 'FAILED', $what;
    $failed ||= !$passed;
    return $passed;
}
