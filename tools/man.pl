#!/usr/bin/env perl
#
# tools/man.pl SCRIPT NAME SUMMARY: the manual page of a script of examples/ that
# a package installs as the command NAME, on standard output.  Its text is the
# comment at the script's head, which --help prints, too.

use strict;
use warnings;

use Pod::Man ();

my ($script, $name, $summary) = @ARGV;
die "usage: $0 SCRIPT NAME SUMMARY\n" if @ARGV != 3;

open my $fh, '<', $script or die "$script: $!\n";
my @lines = <$fh>;
close $fh;

shift @lines for 1 .. 2;
my $text = join '', map { s/^# ?//r } grep { /^#/ .. !/^#/ } @lines[ 0 .. (grep { $lines[$_] !~ /^#/ } 0 .. $#lines)[0] - 1 ];
my $file = $script =~ s{.*/}{}r;
$text =~ s{(?:examples/)?\Q$file\E}{$name}g;

my ($synopsis, $body) = $text =~ /^([^:]+): (.*)/s or die "$script: its head has no \"name: text\"\n";
my @paragraphs = map { /^  -/ ? options($_) : /^\s{4}/ ? $_ : escaped($_) } split /\n\n/, ucfirst $body;

my $pod = join "\n\n", '=head1 NAME', "$name - $summary", '=head1 SYNOPSIS', escaped($synopsis), '=head1 DESCRIPTION', @paragraphs, '';
my $page = Pod::Man->new(name => uc $name, section => 1, center => 'vcita OAuth gate', release => '', date => '');
$page->output_fh(*STDOUT);
$page->parse_string_document($pod);


sub escaped { $_[0] =~ s/([<>])/$1 eq '<' ? 'E<lt>' : 'E<gt>'/ger }


# "  --name VALUE  text", and its further lines, which are indented
sub options {
    my ($list) = @_;
    my @pod = ('=over 4');
    for my $option (split /\n(?=  -)/, $list) {
        my ($what, $does) = $option =~ /^  (\S+(?: \S+)?)\s{2,}(.*)/s or die "$script: no option with a text: $option\n";
        push @pod, '=item B<' . escaped($what) . '>', escaped($does =~ s/\n\s+/ /gr);
    }
    return @pod, '=back';
}
