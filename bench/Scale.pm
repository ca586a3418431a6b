# Scale - how the gate grows: with sessions, in each store, with connections, with
# logins.  Sessions are sealed by seal.mjs; a zone takes them by the module's own
# store (vcita_oauth_slow_load of t/slow), Redis by redis-cli.

package Scale;

use strict;
use warnings;

use Bench;
use Load;
use Site;

use Exporter 'import';
use Time::HiRes qw( sleep time );

our @EXPORT = qw( seed sessions eviction starts idle logins_at_most );

my $ZONE = '1024m';
my $REDIS = $PORT{people};                        # else of growth.pl

my $SLOW = $ENV{VCITA_OAUTH_SLOW_MODULE}
    // "$ROOT/build/slow/ngx_http_vcita_oauth_slow_module.so";

my %STORE = (
    cookie => 'cookie',
    zone => "zone=sessions:$ZONE",
    redis => "redis://127.0.0.1:$REDIS",
);


sub seed {
    my (@sizes) = @_;

    system('node', "$ROOT/bench/seal.mjs", $DIR, 'vcita_session',
           $CLIENT_ID, $SECRET, @sizes) == 0 or die "seal.mjs failed\n";
}


# --- sessions -----------------------------------------------------------------

# store, rounds and seconds of each size: what a request costs the worker, by n
# sessions in turn, beside a server without a gate that is loaded together with it;
# the memory of the worker, of the zone, of Redis
sub sessions {
    my ($store, $rounds, $seconds, @sizes) = @_;
    my $redis = $store eq 'redis' && redis();
    my ($master, $worker) = front($store, $STORE{$store}, @sizes);
    my ($plain, $beside) = front('plain');
    my @found;

    for my $n (@sizes) {
        my $took = $store eq 'cookie' ? undef : fill($store, $worker, $n);
        my $file = $store eq 'cookie' ? 'cookies' : 'ids';
        my @turns = map { [ turn($worker, $beside, $file, $n, $seconds) ] }
            1 .. $rounds;

        push @found, { n => $n, write => $took,
                       cpu => [ map { $_->[0]{cpu} } @turns ],
                       ratio => [ map { $_->[0]{cpu} / $_->[1]{cpu} } @turns ],
                       worker => memory_of($worker, 'RssAnon'),
                       store => $store eq 'zone' ? memory_of($worker, 'RssShmem')
                           : $redis ? redis_memory() : undef };
    }

    $found[-1]{reload} = reload($master, $worker, $store);
    end_of($_) for $master, $plain, $redis || ();

    return \@found;
}


# the first n of a file, from a random one on, one after another
sub turn {
    my ($worker, $beside, $file, $n, $seconds) = @_;
    my $bytes = $n * ((-s "$DIR/$file") / lines($file));
    my $from = int(rand $n) * $bytes / $n;

    spew("$DIR/turn.lua", <<END);
local file = io.open("$DIR/$file")
local read = $from
local head = "GET /gif HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nCookie: "

file:seek("set", read)

function request()
   if read >= $bytes then file:seek("set") read = 0 end

   local line = file:read()
   read = read + #line + 1
   return head .. line .. "\\r\\n\\r\\n"
end

function response(status)
   if status ~= 200 then print("Non-2xx: " .. status) end
end
END

    return together($seconds, map { {
        pids => [ $_->[0] ], options => [ '-s', "$DIR/turn.lua" ],
        url => "http://127.0.0.1:$_->[1]/gif" } }
        [ $worker, $PORT{gate} ], [ $beside, $PORT{plain} ]);
}


# all lines of a file are as long as the first
sub lines {
    my ($file) = @_;
    open my $in, '<', "$DIR/$file" or die "$file: $!\n";
    return (-s $in) / length scalar <$in>;
}


# what lacks to n sessions; in a zone, microseconds of CPU for each of them
sub fill {
    my ($store, $worker, $n) = @_;

    if ($store eq 'redis') {
        system("redis-cli -p $REDIS --pipe < $DIR/redis.$n > $DIR/pipe.out") == 0
            or die "redis-cli: see $DIR/pipe.out\n";
        return undef;
    }

    my $more = (-s "$DIR/records.$n") / record();
    my $before = cpu_ns($worker);
    my ($status) = ask(connection($PORT{gate}), "GET /load/$n HTTP/1.1\r\n"
                       . "Host: 127.0.0.1\r\n\r\n");

    die "records.$n: status $status\n" if $status != 204;
    return (cpu_ns($worker) - $before) / 1000 / $more;
}


# all records are as long as the first
sub record {
    my ($first) = glob "$DIR/records.*";
    open my $file, '<:raw', $first or die "$first: $!\n";
    read $file, my $head, 34;
    return 34 + unpack 'x32 n', $head;
}


# --- a full zone --------------------------------------------------------------

# a zone that holds a part of them: CPU of a write before and after it is full, of
# a login into it, and how many are left
sub eviction {
    my ($size, $seconds, @sizes) = @_;
    my ($master, $worker) = front('evict', "zone=sessions:$size", @sizes);
    my %found = (size => $size, login_empty => logins($worker, $seconds)->{cpu});

    $found{write} = { map { $_ => fill('zone', $worker, $_) } @sizes };
    $found{login_full} = logins($worker, $seconds)->{cpu};

    my (undef, undef, $status) = ask(connection($PORT{gate}),
        "GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");

    for (qw( sessions evicted_total )) {
        ($found{$_}) = $status =~ /^vcita_oauth_zone_$_\{[^}]*\} (\d+)/m
            or die "no zone_$_ in the status\n";
    }

    end_of($master);
    return \%found;
}


# --- start and reload ---------------------------------------------------------

# seconds from the start until the port is open: with nothing in any store
sub starts {
    my ($rounds) = @_;
    my $redis = redis();
    my %found;

    for (1 .. $rounds) {
        for my $store ('plain', sort keys %STORE) {
            my $began = time;
            my ($master) = front($store, $STORE{$store});

            push @{ $found{$store} }, time - $began;
            end_of($master);
        }
    }

    end_of($redis);
    return { map { $_ => median(@{ $found{$_} }) } keys %found };
}


# seconds from the signal until a new worker stands in for the old one; and a
# session of before has to be one afterwards
sub reload {
    my ($master, $worker, $store) = @_;
    my $began = time;

    kill HUP => $master;
    wait_for('new worker', sub {
        my @workers = grep { $_ != $worker } split ' ', `pgrep -P $master`;
        @workers && !-e "/proc/$worker";
    }, 60);

    my $took = time - $began;
    open my $in, '<', "$DIR/" . ($store eq 'cookie' ? 'cookies' : 'ids') or die;
    chomp(my $line = <$in>);
    my ($status) = ask(connection($PORT{gate}), "GET /gif HTTP/1.1\r\n"
                       . "Host: 127.0.0.1\r\nCookie: $line\r\n\r\n");

    die "$store: a session did not outlive a reload\n" if $status != 200;
    return $took;
}


# --- connections --------------------------------------------------------------

# so many connections, each with a request of a session of its own, then idle:
# bytes of the worker for each
sub idle {
    my ($n) = @_;
    my %found = (n => $n);

    open my $in, '<', "$DIR/cookies" or die "cookies: $!\n";
    chomp(my @cookies = map { scalar <$in> } 1 .. $n);

    for my $kind (qw( plain cookie )) {
        my ($master, $worker) = front($kind, $STORE{$kind});
        my $get = sub {
            my $c = connection(port_of($kind));
            my ($status) = ask($c, "GET /gif HTTP/1.1\r\n"
                               . browser_headers('127.0.0.1', $_[0]));

            die "$kind: status $status\n" if $status != 200;
            return $c;
        };

        $get->($_) for @cookies[0 .. 99];
        my $before = memory_of($worker, 'RssAnon');
        my @open = map { $get->($_) } @cookies;

        $found{$kind} = (memory_of($worker, 'RssAnon') - $before) * 1048576 / $n;
        end_of($master);
    }

    return \%found;
}


# --- logins -------------------------------------------------------------------

sub logins_at_most {
    my ($seconds) = @_;
    my ($master, $worker) = front('cookie', 'cookie');
    my $found = logins($worker, $seconds);

    end_of($master);
    return $found;
}


# As many as driver and stand-in for vcita can make on the other cpu, by 64
# connections: a redirect, a callback and the page each.  Microseconds of the
# worker for each, and how busy each of the three was.  wrk knows only the last
# Set-Cookie of an answer: the first is in X-Session.
sub logins {
    my ($worker, $seconds) = @_;
    my $stub = worker_of_pidfile('back');
    my %before = (worker => cpu_ns($worker), stub => cpu_ns($stub));
    my $driver = children();
    my $began = time;

    spew("$DIR/login.lua", <<'END');
local nav = "Host: 127.0.0.1\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n"
local steps, first, last = {}, 1, 0
local me
logins = 0

local function push(path, cookie)
   last = last + 1
   steps[last] = "GET " .. path .. " HTTP/1.1\r\n" .. nav .. "Cookie: " .. cookie .. "\r\n\r\n"
end

function setup(thread) me = thread end

function request()
   local step = steps[first]

   if not step then return "GET /gif HTTP/1.1\r\n" .. nav .. "\r\n" end

   steps[first] = nil
   first = first + 1
   return step
end

function response(status, headers)
   local cookie = headers["X-Session"] or headers["Set-Cookie"] or ""
   cookie = cookie:match("^[^;]+")

   if status == 302 then
      push("/oauth/callback?code=c&state=" .. headers["Location"]:match("[?&]state=([%w_-]+)"), cookie)
   elseif status == 303 then
      push("/gif", cookie)
   elseif status == 200 then
      logins = logins + 1
   end
end

function done() io.write("logins: ", me:get("logins"), "\n") end
END

    my $pipe = driver({ url => "http://127.0.0.1:$PORT{gate}/gif",
                        options => [ '-c64', '-s', "$DIR/login.lua" ] }, $seconds);
    my $out = do { local $/; readline $pipe };
    my %spent = (worker => cpu_ns($worker) - $before{worker},
                 stub => cpu_ns($stub) - $before{stub});
    my $took = time - $began;

    close $pipe;
    $spent{driver} = (children() - $driver) * 1e9;

    my ($n) = $out =~ /^logins: (\d+)/m or die "no logins: $out\n";

    # a busy machine may end none in a second
    if (!$n) {
        die "no login ends: $out\n" if $seconds > 20;
        return logins($worker, 5 * $seconds);
    }

    return { rate => $n / $took, cpu => $spent{worker} / 1000 / $n,
             map { $_ => $spent{$_} / 1e7 / $took } keys %spent };
}


# seconds that ended children have run
sub children {
    my @times = times;
    return $times[2] + $times[3];
}


# --- servers ------------------------------------------------------------------

# an nginx with that store, and its worker; "plain": without a gate
sub front {
    my ($name, $store, @sizes) = @_;
    my $port = port_of($name);
    my $gate = $name eq 'plain' ? '' : 'vcita_oauth on;';
    my $settings = $gate && gate_settings(session_store => $store);
    my $loads = $name =~ /zone|evict/ ? join '', map {
        "location = /load/$_ { vcita_oauth_slow_load $DIR/records.$_; }\n"
    } @sizes : '';

    conf($name, <<END);
    @{[ $gate && 'vcita_oauth_rate off;' ]}
    server {
        listen 127.0.0.1:$port backlog=1024;
        $settings
        location = /gif { $gate empty_gif; }
        location = /status { @{[ $gate && 'vcita_oauth_status;' ]} }
        location = /oauth/callback { add_header X-Session \$sent_http_set_cookie; }
        $loads
    }
END

    my $text = slurp("$DIR/$name.conf") =~ s/worker_connections \d+/worker_connections 12000/r;

    $text = "load_module $SLOW;\n$text"
        =~ s/^(.*\n)(load_module.*\n)/$2$1/r if $loads;
    $text =~ s/^load_module.*\n//m if !$gate;
    spew("$DIR/$name.conf", $text);

    my $master = nginx($name, $port, 'taskset', '-c', $FRONT_CPU);

    return ($master, worker_of($master));
}


sub port_of { return $PORT{ $_[0] eq 'plain' ? 'plain' : 'gate' } }


sub worker_of_pidfile {
    my ($name) = @_;
    return worker_of(slurp("$DIR/$name.pid") + 0);
}


sub redis {
    my $pid = spawn('redis', 'taskset', '-c', $BACK_CPU, 'redis-server', '--port',
                    $REDIS, '--bind', '127.0.0.1', '--save', '',
                    '--appendonly', 'no', '--dir', $DIR);

    wait_for("redis: see $DIR/redis.out", sub { is_open($REDIS) });
    return $pid;
}


# MiB
sub redis_memory {
    return `redis-cli -p $REDIS info memory` =~ /^used_memory:(\d+)/m
        ? $1 / 1048576 : die "redis: no memory\n";
}


1;
