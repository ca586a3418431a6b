# A rolling upgrade: older builds of the module and a newer one beside this one, with the same keys, and browsers that
# go from one to the other.  The older one is t/upgrade/older.patch, which knows nothing of idle times and seals no
# session anew; the newer one is t/upgrade/newer.patch, which puts a value into a session that this one does not know.
# A third one is that of a commit of this repository: what it seals has to open here, and the other way round.  Where
# the history does not reach it (a shallow clone, a folder without one), the test says so, and the older one takes its
# place.  That one is built at the first run, into build/upgrade; of the two others what the patch has changed is
# compiled, and linked with the objects of the module under test.

BEGIN {
    if (!$ENV{TEST_NGINX_LOAD_MODULES}) {
        print "1..0 # SKIP the module is linked into this nginx, which loads no other build of it\n";
        exit 0;
    }
}

use lib 't/lib';
use VcitaRedis;
use VcitaTest;
use VcitaCheck;
use VcitaLoad;
use VcitaMachine;

use Cwd ();
use File::Path ();

my $PAST = '41b0fae0774628a319b2713f0f6c55f26ec91ca0';    # the release before this one, 1.0.0
my $WHAT = 'config *.c src t/unit/config tools';

my $root = Cwd::getcwd();
my $trees = "$root/build/upgrade" . ($ENV{SANITIZE} ? '-asan' : '');

my $from_history = system("git cat-file -e '$PAST^{commit}' 2>/dev/null") == 0;
my %built;


# each is built once a run; where it is built already, its sources are compared
sub VcitaFlow::Code::module_of {
    my ($name) = @_;
    return $built{$name} ||= built($name);
}

sub built {
    my ($name) = @_;
    my $tree = "$trees/$name";
    my $objs = $ENV{TEST_NGINX_LOAD_MODULES} =~ s{[^/]*$}{objs}r;

    return patched($name, $tree, $objs)
        if $name ne 'past' && $objs =~ m{^\Q$root/} && system('grep', '-qF', "$root/src/", "$objs/Makefile") == 0;

    my $how = $name eq 'past' ? "git archive $PAST " . $WHAT =~ s/\*\.c/ngx_http_vcita_oauth_module.c/r : "tar -cf - $WHAT";

    File::Path::make_path($tree);
    my $patch = $name eq 'past' ? 'true' : "patch -p1 -s -f -F 1 < $root/t/upgrade/$name.patch";

    # through a second folder: what has not changed is not compiled again
    my $out = `exec 2>&1; set -e; rm -rf $tree.new; mkdir $tree.new
        $how | tar -xf - -C $tree.new
        (cd $tree.new && $patch)
        (cd $tree.new && find . -type f) | bash -c '. tools/lib.sh; mirror "\$@"' bash $tree.new $tree
        rm -rf $tree.new
        cd $tree; OUT=$tree/build tools/build.sh`;
    die "no $name build: $out\n" if $?;

    return "$tree/build/ngx_http_vcita_oauth_module.so";
}


# The sources with the times that they have, and copies of the objects that were made of them: make compiles only what
# the patch has touched.
sub patched {
    my ($name, $tree, $objs) = @_;
    my $its = $objs =~ s{^\Q$root/}{$tree/}r;
    my $nginx = $ENV{NGINX_SRC} || '/usr/share/nginx/src';

    File::Path::remove_tree($tree);
    File::Path::make_path($tree, $its);
    my $out = `exec 2>&1; set -e
        tar -cf - $WHAT | tar -xf - -C $tree
        cp -a $objs/. $its
        rm -f $its/*.so
        (cd $tree && patch -p1 -s -f -F 1 < $root/t/upgrade/$name.patch)
        sed -i 's,$root/,$tree/,g' $its/Makefile
        cd $nginx && make -s -f $its/Makefile modules`;
    die "no $name build: $out\n" if $?;

    return "$its/ngx_http_vcita_oauth_module.so";
}


# once, before any flow has to hurry
VcitaFlow::Code::module_of($_) for qw( older newer ), $from_history ? 'past' : ();

sub VcitaFlow::Code::from_history { return $from_history }
sub VcitaFlow::Code::machine { return VcitaMachine->start(@_) }
sub VcitaFlow::Code::load { return VcitaLoad->start(@_) }

sub VcitaFlow::Code::logged_in {
    my ($m) = @_;
    my $b = VcitaFlow::browser(base => $m->url(''));
    my $r = $b->get($m->url('/first'));
    die 'no login begins: ' . $r->status . "\n" if $r->status != 302;
    $b->next_hop;
    $r = $b->come_back(code => VcitaStub::stub_code());
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return $b;
}

run_tests();

__DATA__

=== TEST 1: the two patches fit this source
--- flow
for my $name (qw( older newer )) {
    my $said = `patch -p1 -s -f -F 1 --dry-run < t/upgrade/$name.patch 2>&1`;
    is $?, 0, "$name.patch applies" or diag $said;
}
diag 'the history of this folder does not reach the commit whose build is to take part: the older one does' if !from_history();
ok -f module_of($_), "$_ is built" for qw( older newer );


=== TEST 2: a rolling upgrade: what a newer build put into a session is kept, and written back when it is sealed anew
--- flow
my %has = (server => <<'CONF', gate => 'vcita_oauth_session_idle_timeout 1h;');
location / { vcita_oauth on; add_header X-Type $vcita_oauth_token_type; proxy_pass $VCITA_APP; }
CONF
my $newer = machine('newer', %has, module => module_of('newer'));
my $this = machine('this', %has);
my $older = machine('older', %has, module => module_of('older'), gate => '');

my $b = logged_in($newer);
my $r = $b->get($newer->url);
is $r->header('X-Type'), 'later', 'the newer build sees its value';
for my $minutes (7, 14, 21) {
    $_->clock(60 * $minutes) for $newer, $this, $older;
    my $was = $b->cookie('vcita_session');

    $r = $b->get($older->url);
    is $r->status, 200, "$minutes: in at the older build";
    is $b->cookie('vcita_session'), $was, "$minutes: which seals nothing anew";

    $r = $b->get($this->url);
    is $r->status, 200, "$minutes: in at this one";
    is $r->header('X-Type'), 'Bearer', "$minutes: which does not know the value";
    isnt $b->cookie('vcita_session'), $was, "$minutes: and seals the session anew";

    $r = $b->get($newer->url);
    is $r->status, 200, "$minutes: in at the newer build";
    is $r->header('X-Type'), 'later', "$minutes: which finds its value";
}

# and one that an older build began
$b = logged_in($older);
for my $m ($this, $newer, $older, $newer, $this, $older) {
    $_->clock(60 * 30) for $newer, $this, $older;
    is $b->get($m->url)->status, 200, 'a session of the older build, in at another one';
}
is_deeply [ map { $_->stop } $newer, $this, $older ], [], 'nothing to warn of in the logs';


=== TEST 3: a rolling upgrade under load: an older build beside a newer one, same keys, and nobody is signed out
--- flow
my $key = servroot() . '-key';
open my $fh, '>', $key or die $!;
print $fh 'k' x 48;
close $fh;
chmod 0600, $key;

my %build = (past => module_of(from_history() ? 'past' : 'older'), older => module_of('older'), this => undef, newer => module_of('newer'));
my $gate = "vcita_oauth_session_key_file $key;";
my $idle = "$gate vcita_oauth_session_idle_timeout 10m;";

# three machines, of older builds; one after the other gets this one, then the newer one
my @m = (machine('a', gate => $gate, module => $build{older}));
push @m, machine('b', gate => $gate, module => $build{past}), machine('c', gate => $gate, module => $build{older});
my @b = map { logged_in($m[$_ % 3]) } 0 .. 11;
my $load = load(\@b, map { $_->url('/page') } @m);

my $navigated = sub {
    my ($what) = @_;
    my $seen = $load->count;
    wait_for { $load->count >= $seen + 6 * @b } 30, "navigations: $what";
};
$navigated->('before');
my $minutes = 0;
my $later = sub { $minutes += 2; $_->clock(60 * $minutes) for @m };
for my $to ('this', 'newer') {
    for my $m (@m) {
        $navigated->("beside $to");
        $m->replace(module => $build{$to});
        $later->();
        $navigated->("$m->{name} is $to");
    }
    # when all have it, the directive that the older build does not know
    next if $to ne 'this';
    for my $m (@m) { $m->configure(gate => $idle); $navigated->("$m->{name} slides") }
}
# back again: the newer build did not please
for my $m (@m) {
    $m->replace(module => $build{this});
    $later->();
    $navigated->("$m->{name} is back");
}
my $r = $load->stop;
is_deeply $r->{statuses}, { 200 => $r->{n} }, "all of the $r->{n} navigations are in";
cmp_ok $r->{set}, '>', 0, "sessions sealed anew: $r->{set}";
for my $m (@m) {
    is scalar(grep { browser()->get($m->url, headers => [ Cookie => "vcita_session=$_" ])->status == 200 }
        @{ $r->{cookies} }), 12, "each of the twelve is in at $m->{name}";
}
is_deeply [ map { $_->stop } @m ], [], 'nothing to warn of in the logs';


=== TEST 4: the release before and this one: a login that began at one ends at the other; sessions in cookies and in Redis are in at both
--- flow
my $past = module_of(from_history() ? 'past' : 'older');
redis->start;
for my $store ('', 'vcita_oauth_session_store redis://127.0.0.1:' . $ENV{TEST_NGINX_REDIS_PORT} . ';') {
    my $where = $store ? 'in Redis' : 'in a cookie';
    my $old = machine('old', gate => $store, module => $past);
    my $new = machine('new', gate => $store, redirect => $old->port);
    for ([ $old, $new, 'a state of the release before' ], [ $new, $old, 'a state of this one' ]) {
        my ($from, $to, $what) = @$_;
        my $b = browser(base => $from->url(''));
        is $b->get($from->url('/first'))->status, 302, "$where: $what: a login begins";
        my $back = $b->callback_url(code => stub_code()) =~ s{^http://[^/]+}{$to->url('')}er;
        is $b->get($back =~ s{(?<!:)//}{/}r)->status, 303, "$where: $what: ends at the other";
        is $b->get($_->url('/page'))->status, 200, "$where: $what: in at $_->{name}" for $old, $new, $old;
    }
    is_deeply [ map { $_->stop } $old, $new ], [], "$where: nothing to warn of in the logs";
}
