# VcitaChromium - a real browser: Chromium, driven by playwright-core (t/browser).  One per file; it ends
# with the test.  Where there is no Chromium, the whole file is skipped.
#
#   use VcitaChromium;                      # before VcitaTest
#   my $p = chromium->page;                 # a page of a new person: no cookies;  page(colorScheme => 'dark')
#                                           # third-party cookies are blocked, but for page(thirdPartyCookies => 1)
#   $p->goto($url)->{status};               # also: url, headers of the answer at the end of all redirects
#   $p->fill('#email', 'alice@example.biz'); $p->click('#sign-in');     # click: until the page it leads to is there
#   $p->text, $p->evaluate('document.cookie'), $p->until('signed in');  # ->text(frame => 1): in its first frame
#   $p->back;                               # the Back button
#   $p->type('text'); $p->press('Tab'); $p->press('Enter', go => 1);    # the keyboard; go: as click
#   $p->picture('name');                    # into the folder VCITA_SCREENSHOTS, if set: alike each time
#   $p->legible(sizes => [[360, 640]], schemes => ['dark'])->{wrong};   # by axe-core, which needs JavaScript
#   $p->reachable(sizes => ..., schemes => ...)->{wrong};               # by Tab, which shows where it is
#   $p->show($url, $answer);                # an answer of a VcitaBrowser, as if it had come from $url
#   $p->tabs(@urls);                        # tabs of the same person, opened at once
#   $p->cookies, $p->clear_cookies('name'); # as the browser has them
#   $p->framed;                             # the answers that its frames got: status, url
#   $p->complaints, $p->requests;           # since it last went somewhere: console, requests beside the page itself
package VcitaChromium;

use strict;
use warnings;

use Cwd ();
use Encode ();
use JSON::PP ();
use IPC::Open2 ();
use POSIX ();
use Test::More ();
use Time::HiRes ();
use VcitaCert ();
use VcitaLoop ();

# seconds for one step
my $LIMIT = 30;

my $Json = JSON::PP->new->utf8;
my ($Pid, $To, $From, $Owner);


sub import {
    my $chromium = binary() // Test::More::plan(skip_all => 'no Chromium here: apt-get install chromium');
    no strict 'refs';
    *{'VcitaFlow::Code::chromium'} = sub { start($chromium) };
}


sub binary {
    my ($found) = grep { -x } map { ("$_/chromium", "$_/chromium-browser") } split /:/, $ENV{PATH} // '';
    return $ENV{CHROMIUM} || $found;
}


sub start {
    my ($chromium) = @_;
    return 'VcitaChromium' if $Pid;

    my $driver = Cwd::abs_path(__FILE__ =~ s{[^/]*$}{}r . '../browser/driver.mjs');
    local @ENV{qw( LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS )};
    delete @ENV{qw( LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS )};
    $Pid = IPC::Open2::open2($From, $To, 'node', $driver, $chromium, $LIMIT * VcitaLoop::scale(),
        VcitaCert->get->{site});
    $Owner = $$;
    return 'VcitaChromium';
}


sub call {
    my ($op, %data) = @_;
    print {$To} $Json->encode({ op => $op, %data }), "\n" or die "Chromium's driver is gone: $!\n";
    $To->flush;
    my $line = <$From> // die "Chromium's driver has ended: what it said is above\n";
    my $answer = $Json->decode($line);
    die "Chromium, $op: $answer->{error}\n" if exists $answer->{error};
    return $answer->{value};
}


# -- people and pages ------------------------------------------------------------------------------

sub version { call('version') }

sub page {
    my (undef, %options) = @_;
    my $context = call(context => options => \%options);
    return bless { context => $context, page => call(page => context => $context) };
}

sub goto  { $_[0]->step(goto => url => $_[1]) }
sub click { my ($self, $selector, %opt) = @_; $self->step(click => selector => $selector, %opt) }
sub back  { $_[0]->step('back') }
sub fill  { my ($self, $selector, $text, %opt) = @_; $self->step(fill => selector => $selector, text => $text, %opt) }
sub text  { my ($self, %opt) = @_; $self->step(text => %opt) }
sub until { my ($self, $pattern) = @_; $self->step(until => pattern => "$pattern") }
sub state { $_[0]->step('state') }
sub axe   { $_[0]->step('axe') }
sub type  { $_[0]->step(type => text => $_[1]) }
sub press { my ($self, $key, %opt) = @_; $self->step(press => key => $key, %opt) }
sub legible   { my ($self, %how) = @_; $self->step(legible => %how) }
sub reachable { my ($self, %how) = @_; $self->step(reachable => %how) }
sub scheme     { $_[0]->step(scheme => scheme => $_[1]) }
sub screenshot { $_[0]->step(screenshot => path => $_[1]) }
sub evaluate   { my ($self, $code, %opt) = @_; $self->step(evaluate => code => $code, %opt) }

sub show {
    my ($self, $url, $r) = @_;
    my %header;
    for (@{ $r->headers }) {
        my ($name, $value) = @$_;
        next if $name =~ /^(?:connection|content-length|transfer-encoding|set-cookie)$/i;
        $header{$name} = join ', ', grep { defined } $header{$name}, $value;
    }
    return $self->step(show => url => $url,
        answer => { status => $r->status + 0, headers => \%header, body => Encode::decode('UTF-8', $r->body) });
}

# what is another each time: the day of the demo; the time, the reference and the request of a page
my $ALIKE = <<'END';
for (const date of document.querySelectorAll('#date')) date.textContent = 'Monday 2 March';
for (const code of document.querySelectorAll('footer code')) {
    const id = '6f1c8a4be0d2937715ac04f3e86b92d1';
    code.textContent = code.textContent.replace(/^\d{4}-\d\d-\d\d .*/, '2026-03-02 09:41:00 UTC')
        .replace(/^(?:[0-9a-f]{8}|[0-9a-f]{32})$/, (hex) => id.slice(0, hex.length));
}
END

sub picture {
    my ($self, $name) = @_;
    my $dir = $ENV{VCITA_SCREENSHOTS} || return;
    $self->evaluate($ALIKE);
    return $self->screenshot("$dir/$name.png");
}

sub step {
    my ($self, $op, %data) = @_;
    return call($op, page => $self->{page}, %data);
}

sub tabs {
    my ($self, @urls) = @_;
    return map { bless { %$self, page => $_ } } @{ call(tabs => context => $self->{context}, urls => \@urls) };
}

sub popup {
    my ($self, $selector) = @_;
    return bless { %$self, page => $self->step(popup => selector => $selector) };
}

sub cookies { @{ call(cookies => context => $_[0]{context}) } }

sub clear_cookies { call(clear_cookies => context => $_[0]{context}, name => $_[1]) }

# all go home: their pages close, their cookies are gone
sub nobody { call('nobody') }

# requests of the page beside itself
sub requests { @{ $_[0]->step('seen')->{requests} } }

# answers to navigations of its frames, each of a chain of redirects
sub framed { @{ $_[0]->step('seen')->{framed} } }

# What the console has, but for the line that Chromium writes about the status of the page itself
sub complaints {
    my ($self) = @_;
    my $state = $self->state;
    return map { "$_->{type}: $_->{text} ($_->{url})" }
           grep { $_->{url} ne $state->{url} || $_->{text} !~ /the server responded with a status of $state->{status} / }
           @{ $self->step('seen')->{console} };
}


# -- the end ---------------------------------------------------------------------------------------

# no more input: the driver closes Chromium; one that does not within ten seconds is ended, and Chromium notices
sub stop {
    close $To;
    my $end = Time::HiRes::time() + 10 * VcitaLoop::scale();
    while (waitpid($Pid, POSIX::WNOHANG()) == 0) {
        if (Time::HiRes::time() > $end) { kill KILL => $Pid; waitpid $Pid, 0; last }
        Time::HiRes::sleep(0.02);
    }
    undef $Pid;
}

END {
    if ($Pid && $$ == $Owner) {
        my $status = $?;
        stop();
        $? = $status;
    }
}

1;
